"""The configuration: one TOML file, the environment over it, everything checked at the border."""

from __future__ import annotations

from sessionwatch.config.load import DEFAULT_FILE, load
from sessionwatch.config.settings import Settings

__all__ = ["DEFAULT_FILE", "Settings", "load"]
