"""`sessionwatch run`: the pipeline, until it is told to stop."""

from __future__ import annotations

import signal
from contextlib import suppress

from sessionwatch.commands.options import ConfigOption, DebugOption, JsonOption, LogFormatOption
from sessionwatch.signals import on_stop_signals


def run(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    log_format: LogFormatOption = "auto",
    debug: DebugOption = False,
) -> None:
    """Run the pipeline until SIGTERM or Ctrl-C. With --json the log is JSON also on a terminal."""
    # Loading takes a second, and being told to stop meanwhile is no failure either.
    with on_stop_signals(signal.default_int_handler), suppress(KeyboardInterrupt):
        from sessionwatch.assembly import run as run_pipeline
        from sessionwatch.commands.startup import log_warnings, start

        settings = start(config, "json" if as_json else log_format, debug=debug)
        log_warnings(settings)
        run_pipeline(settings)
