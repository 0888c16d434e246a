"""What a command that works with the pipeline's parts does first."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from sessionwatch.commands.terminal import say
from sessionwatch.config import Settings, load
from sessionwatch.config.warnings import warnings
from sessionwatch.known_rules import known_rules
from sessionwatch.log import configure


def start(
    config: Path | None, log_format: Literal["auto", "json", "human"] = "auto", *, debug: bool = False
) -> Settings:
    """Set up logging, and return the checked configuration.

    Raises:
        ConfigurationError: with everything that is wrong.
    """
    configure(log_format, debug=debug)
    settings = load(config)
    for problem in known_rules().problems:
        say(f"sessionwatch: {problem}")
    return settings


def log_warnings(settings: Settings) -> None:
    """Log what is allowed and yet probably not meant."""
    import structlog

    log = structlog.get_logger()
    for line in warnings(settings):
        log.warning("configuration", about=line)
