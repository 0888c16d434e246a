"""`sessionwatch dlq list | redrive`: what was refused, and sending it through again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sessionwatch.commands.options import (
    ConfigOption,
    JsonOption,
    LimitOption,
    ReasonOption,
    SinceOption,
    TokenFileOption,
)
from sessionwatch.commands.terminal import print_json, print_text, say

if TYPE_CHECKING:
    from schemas.api import DeadLetterRow

app = typer.Typer(help="See and mend what was refused.", no_args_is_help=True, rich_markup_mode=None)

ForOption = Annotated[
    str | None, typer.Option("--refused-for", metavar="R", help="Only those refused for this, such as forged.")
]


@app.callback()
def group() -> None:
    """See and mend what was refused."""


@app.command("list")
def list_letters(
    refused_for: ForOption = None,
    since: SinceOption = None,
    limit: LimitOption = 50,
    content: Annotated[bool, typer.Option("--content", help="With what was kept of them; for admins.")] = False,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List refused messages, the last to arrive first."""
    from sessionwatch.commands.pages import rows_of
    from sessionwatch.commands.records import open_records
    from sessionwatch.commands.since import since_text

    parameters = {"reason": _known(refused_for), "since": since_text(since)}
    with open_records(config, token_file) as records:
        rows = list(rows_of(records.dead_letters, parameters, limit))
    if as_json:
        for row in rows:
            print_json(row.model_dump(mode="json", exclude=None if content else {"content"}))
    elif rows:
        _print_letters(rows, content)
    else:
        say("no dead letters")


@app.command()
def redrive(
    reason: ReasonOption,
    refused_for: ForOption = None,
    since: SinceOption = None,
    limit: LimitOption = 10_000,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read refused messages again from Kafka, and send them through once more: after a wrong key was mended."""
    from schemas.api import RedriveRequest
    from sessionwatch.commands.asked import asked
    from sessionwatch.commands.records import open_records
    from sessionwatch.commands.since import since_text

    wanted = asked(
        RedriveRequest,
        reason=reason,
        dead_letter_reason=_known(refused_for),
        since=since_text(since),
        limit=limit,
    )
    with open_records(config, token_file) as records:
        done = records.redrive(wanted)
    if as_json:
        print_json(done.model_dump(mode="json"))
    else:
        rest = f"{done.gone} are no longer in Kafka, {done.empty} are empty"
        print_text(f"{done.sent} of {done.found} messages sent again; {rest}")


def _known(reason: str | None) -> str | None:
    from schemas.refusal import Reason

    known = [one.value for one in Reason]
    if reason is not None and reason not in known:
        raise typer.BadParameter(f"expected one of {', '.join(known)}, got {reason[:40]!r}", param_hint="--refused-for")
    return reason


def _print_letters(rows: list[DeadLetterRow], content: bool) -> None:
    from sessionwatch.commands.table import moment, print_table, shown

    headings = ["refused for", "detail", "arrived", "bytes", *(["content"] if content else []), "where"]
    print_table(
        headings,
        [
            (
                shown(row.reason),
                shown(row.detail),
                moment(row.arrival),
                str(row.length),
                *([shown(row.content)] if content else []),
                f"{row.topic}-{row.partition}-{row.offset}",
            )
            for row in rows
        ],
    )
