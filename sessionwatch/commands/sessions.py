"""`sessionwatch sessions list`: who is in, from where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sessionwatch.commands.options import (
    AppsOption,
    ConfigOption,
    JsonOption,
    LimitOption,
    SinceOption,
    TokenFileOption,
)

if TYPE_CHECKING:
    from schemas.api import SessionRow

app = typer.Typer(help="See who is in.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """See who is in."""


@app.command("list")
def list_sessions(
    apps: AppsOption = None,
    user: Annotated[str | None, typer.Option("--user", metavar="U", help="Only of this user.")] = None,
    network: Annotated[
        str | None, typer.Option("--network", metavar="N", help="Only last used from this network (/24 or /64).")
    ] = None,
    live: Annotated[
        bool | None, typer.Option("--live/--ended", help="Only those in use, or only the others; else both.")
    ] = None,
    since: SinceOption = None,
    limit: LimitOption = 50,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List sessions, the last used first; of the last 24 hours without --since."""
    from sessionwatch.commands.pages import rows_of, show_rows
    from sessionwatch.commands.records import open_records
    from sessionwatch.commands.since import since_text

    parameters = {"app": apps or None, "user": user, "network": network, "live": live, "since": since_text(since)}
    with open_records(config, token_file) as records:
        rows = list(rows_of(records.sessions, parameters, limit))
    show_rows(rows, _print_sessions, "no sessions", as_json=as_json)


def _print_sessions(rows: list[SessionRow]) -> None:
    from sessionwatch.commands.table import moment, print_table, severity, shown

    print_table(
        ("state", "last event", "app", "user", "from", "with", "networks", "devices", "alert", "session"),
        [
            (
                "live" if row.live else shown(row.end_reason or "idle"),
                moment(row.last),
                shown(row.app),
                shown(row.user_id),
                shown(row.country),
                shown(row.agent),
                str(row.networks),
                str(row.devices),
                severity(row.severity),
                shown(row.session_id),
            )
            for row in rows
        ],
    )
