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
TokenFileOption = Annotated[
    Path | None,
    typer.Option("--token-file", metavar="T", help="File with the token for a running pipeline's API."),
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Most rows.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="WHY", help="Why, for the audit log.")]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", metavar="T", help="Not older: a duration such as 24h, or an RFC 3339 time."),
]
AppsOption = Annotated[list[str] | None, typer.Option("--app", metavar="A", help="Only of this app; may be repeated.")]
