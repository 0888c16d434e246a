"""The front door: command line, configuration, HTTP, demo. Puts the parts together."""

from __future__ import annotations

__version__ = "0.1.0"
