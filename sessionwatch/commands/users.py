"""`sessionwatch users list`: whom to look at first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from sessionwatch.commands.options import AppsOption, ConfigOption, JsonOption, LimitOption, TokenFileOption

if TYPE_CHECKING:
    from schemas.api import UserRow

app = typer.Typer(help="See whom to look at first.", no_args_is_help=True, rich_markup_mode=None)

_SHOWN_RULES = 4


@app.callback()
def group() -> None:
    """See whom to look at first."""


@app.command("list")
def list_users(
    apps: AppsOption = None,
    limit: LimitOption = 50,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the users against whom alerts count, the highest risk first, and what each alert adds."""
    from sessionwatch.commands.pages import rows_of, show_rows
    from sessionwatch.commands.records import open_records

    with open_records(config, token_file) as records:
        rows = list(rows_of(records.users, {"app": apps or None}, limit))
    show_rows(rows, _print_users, "no alert counts against anybody", as_json=as_json)


def _print_users(rows: list[UserRow]) -> None:
    from sessionwatch.commands.table import moment, print_table, shown

    print_table(
        ("risk", "last event", "realm", "points by alert", "user"),
        [(f"{row.risk.score:.0f}", moment(row.last), shown(row.realm), _why(row), shown(row.user_id)) for row in rows],
    )


def _why(row: UserRow) -> str:
    from sessionwatch.commands.table import shown

    added = row.risk.contributions
    told = [f"{shown(one.rule_id)} {one.points:.0f}" for one in added[:_SHOWN_RULES]]
    return ", ".join(told) + (f" and {len(added) - _SHOWN_RULES} more" if len(added) > _SHOWN_RULES else "")
