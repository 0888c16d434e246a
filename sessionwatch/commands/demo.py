"""`sessionwatch demo`: a stolen session recognised, reported and taken away, before your eyes."""

from __future__ import annotations

from typing import Annotated

import typer

from sessionwatch.commands.options import DebugOption


def demo(
    once: Annotated[bool, typer.Option("--once", help="Three thefts, and end: 0 only if each was defeated.")] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="The result as one JSON object at the end; the story goes to standard error."),
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Show it all on this machine: broker, pipeline, two web apps, their users, three thieves."""
    from sessionwatch.demo.run import run_demo

    raise typer.Exit(run_demo(once=once, as_json=as_json, debug=debug))
