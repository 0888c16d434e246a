"""`sessionwatch run`: the pipeline, until it is told to stop."""

from __future__ import annotations

from sessionwatch.commands.options import ConfigOption, DebugOption, JsonOption, LogFormatOption


def run(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    log_format: LogFormatOption = "auto",
    debug: DebugOption = False,
) -> None:
    """Run the pipeline until SIGTERM or Ctrl-C. With --json the log is JSON also on a terminal."""
    from sessionwatch.assembly import run as run_pipeline
    from sessionwatch.commands.startup import log_warnings, start

    settings = start(config, "json" if as_json else log_format, debug=debug)
    log_warnings(settings)
    run_pipeline(settings)
