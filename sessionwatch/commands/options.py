"""Options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="F", help="Configuration file; else sessionwatch.toml, where there is one."),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", help="One JSON object (or one a line) on standard output, nothing else there."),
]
DebugOption = Annotated[bool, typer.Option("--debug", help="More log lines; show where an unexpected error arose.")]
LogFormatOption = Annotated[
    Literal["auto", "json", "human"],
    typer.Option("--log-format", help="Log lines on standard error: auto is human on a terminal, else json."),
]
EventFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="JSON lines, also compressed (.gz); - is standard input.")
]
