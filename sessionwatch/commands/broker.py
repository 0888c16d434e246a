"""`sessionwatch broker`: a Kafka broker in memory, for demo, tests and laptops."""

from __future__ import annotations

from typing import Annotated

import typer

from sessionwatch.commands.options import ConfigOption, DebugOption, JsonOption
from sessionwatch.commands.terminal import print_json, print_text


def broker(
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65_535,
            help="Where to listen; 0 takes a free one. Default: as in the configuration.",
        ),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Run the development broker until Ctrl-C. It keeps everything in memory only."""
    from ingest.broker import run_foreground
    from sessionwatch.commands.startup import start
    from sessionwatch.config.value_types import split_address

    settings = start(config, debug=debug)
    wanted = port if port is not None else split_address(settings.kafka.bootstrap_servers[0])[1]
    run_foreground(wanted, (lambda line: print_json({"ready": line})) if as_json else print_text)
