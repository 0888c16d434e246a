"""`sessionwatch response show | pause | resume | held | approve | drop`: what happens by itself, and what waits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sessionwatch.commands.options import (
    AppsOption,
    ConfigOption,
    JsonOption,
    LimitOption,
    ReasonOption,
    TokenFileOption,
)
from sessionwatch.commands.terminal import print_json, print_text

if TYPE_CHECKING:
    from schemas.api import ResponseState
    from schemas.revocation import RevocationView

_ABOUT = "Stop what happens automatically or let it go on, and decide on what is held."

app = typer.Typer(help=_ABOUT, no_args_is_help=True, rich_markup_mode=None)

RevocationArgument = Annotated[str, typer.Argument(metavar="ID", help="The revocation's id.")]


@app.callback(help=_ABOUT)
def group() -> None:
    """Stop what happens automatically or let it go on, and decide on what is held."""


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


@app.command()
def held(
    apps: AppsOption = None,
    limit: LimitOption = 50,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the revocations that wait for a person, the last decided first."""
    from sessionwatch.commands.pages import rows_of, show_rows
    from sessionwatch.commands.records import open_records

    with open_records(config, token_file) as records:
        rows = list(rows_of(records.revocations, {"state": ["held"], "app": apps or None}, limit))
    show_rows(rows, _print_held, "no revocation waits for a person", as_json=as_json)


@app.command()
def approve(
    revocation_id: RevocationArgument,
    reason: ReasonOption,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a held revocation go. Of a privileged user two people have to."""
    _settle("approve", revocation_id, reason, config, token_file, as_json)


@app.command()
def drop(
    revocation_id: RevocationArgument,
    reason: ReasonOption,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide that a held revocation is not to go."""
    _settle("drop", revocation_id, reason, config, token_file, as_json)


def _settle(
    verb: Literal["approve", "drop"],
    revocation_id: str,
    reason: str,
    config: Path | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    from schemas.api import ReasonRequest
    from sessionwatch.commands.asked import asked
    from sessionwatch.commands.records import open_records
    from sessionwatch.commands.revoke import print_revocation

    wanted = asked(ReasonRequest, reason=reason)
    with open_records(config, token_file) as records:
        print_revocation(records.settle(revocation_id, verb, wanted.reason), as_json)


def _print_held(rows: list[RevocationView]) -> None:
    from sessionwatch.commands.table import moment, print_table, shown

    print_table(
        ("since", "severity", "ends", "whose", "app", "sessions", "held because", "revocation"),
        [
            (
                moment(row.times.get("held") or min(row.times.values())),
                row.severity or "-",
                row.scope,
                shown(row.user_id or row.subject),
                shown(row.app),
                str(row.sessions),
                shown(row.note),
                row.revocation_id,
            )
            for row in rows
        ],
    )


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
