"""`sessionwatch response show | pause | resume`: whether anything is ended automatically."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sessionwatch.commands.options import ConfigOption, JsonOption, ReasonOption, TokenFileOption
from sessionwatch.commands.terminal import print_json, print_text

if TYPE_CHECKING:
    from schemas.api import ResponseState

app = typer.Typer(help="Stop what happens automatically, or let it go on.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Stop what happens automatically, or let it go on."""


@app.command()
def show(config: ConfigOption = None, token_file: TokenFileOption = None, as_json: JsonOption = False) -> None:
    """Say whether anything is ended automatically."""
    from sessionwatch.commands.records import open_records

    with open_records(config, token_file) as records:
        _print(records.response_state(), as_json)


@app.command()
def pause(
    reason: ReasonOption, config: ConfigOption = None, token_file: TokenFileOption = None, as_json: JsonOption = False
) -> None:
    """Stop everything that happens automatically (the kill switch): it waits for people, also after a restart."""
    _switch("pause", reason, config, token_file, as_json)


@app.command()
def resume(
    reason: ReasonOption, config: ConfigOption = None, token_file: TokenFileOption = None, as_json: JsonOption = False
) -> None:
    """Go on; what was held meanwhile stays with people."""
    _switch("resume", reason, config, token_file, as_json)


def _switch(verb: str, reason: str, config: Path | None, token_file: Path | None, as_json: bool) -> None:
    from schemas.api import ReasonRequest
    from sessionwatch.commands.asked import asked
    from sessionwatch.commands.records import open_records

    wanted = asked(ReasonRequest, reason=reason)
    with open_records(config, token_file) as records:
        change = records.pause if verb == "pause" else records.resume
        _print(change(wanted.reason), as_json)


def _print(state: ResponseState, as_json: bool) -> None:
    from sessionwatch.commands.table import moment, shown

    if as_json:
        print_json(state.model_dump(mode="json"))
        return
    if state.paused is not None:
        since = f"since {moment(state.paused.at)}"
        print_text(f"paused by {shown(state.paused.by)} {since}: {shown(state.paused.reason)}")
    else:
        print_text("dry run: revocations are shown and never sent" if state.dry_run else "not paused")
    print_text(f"{state.held} {'revocation waits' if state.held == 1 else 'revocations wait'} for a person")
