"""`sessionwatch outbox list | retry | drop`: what has not left, and what is done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sessionwatch.commands.options import ConfigOption, JsonOption, LimitOption, ReasonOption, TokenFileOption
from sessionwatch.commands.terminal import print_json, print_text

if TYPE_CHECKING:
    from schemas.api import OutboxRow

STATES = ("pending", "delivered", "parked", "dropped")

app = typer.Typer(help="See and mend what has not left.", no_args_is_help=True, rich_markup_mode=None)

LaneOption = Annotated[str, typer.Option("--lane", metavar="L", help="The lane, such as webhook:bank.")]
MessageArgument = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="The message's id; left out: all that it applies to in the lane.")
]


@app.callback()
def group() -> None:
    """See and mend what has not left."""


@app.command("list")
def list_messages(
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state", metavar="S", help=f"Only {', '.join(STATES)}; may be repeated. Default: pending, parked."
        ),
    ] = None,
    lane: Annotated[str | None, typer.Option("--lane", metavar="L", help="Only of this lane.")] = None,
    limit: LimitOption = 50,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List messages, the last enqueued first."""
    from sessionwatch.commands.pages import rows_of, show_rows
    from sessionwatch.commands.records import open_records

    wanted = state or ["pending", "parked"]
    for name in wanted:
        if name not in STATES:
            raise typer.BadParameter(f"expected one of {', '.join(STATES)}, got {name[:40]!r}", param_hint="--state")
    with open_records(config, token_file) as records:
        rows = list(rows_of(records.outbox, {"state": wanted, "lane": lane}, limit))
    show_rows(rows, _print_messages, "no messages", as_json=as_json)


@app.command()
def retry(
    lane: LaneOption,
    reason: ReasonOption,
    message_id: MessageArgument = None,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a parked or dropped message tried anew under its own id, or every parked one of a lane."""
    _act("retry", lane, message_id, reason, (config, token_file), as_json)


@app.command()
def drop(
    lane: LaneOption,
    reason: ReasonOption,
    message_id: MessageArgument = None,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a message up that is parked or waits, or all of a lane; a revocation among them has failed."""
    _act("drop", lane, message_id, reason, (config, token_file), as_json)


def _act(verb: str, lane: str, message_id: str | None, reason: str, where: tuple, as_json: bool) -> None:  # type: ignore[type-arg]
    from schemas.api import OutboxRequest
    from sessionwatch.commands.asked import asked
    from sessionwatch.commands.records import open_records

    wanted = asked(OutboxRequest, lane=lane, message_id=message_id, reason=reason)
    with open_records(*where) as records:
        done = records.outbox_retry(wanted) if verb == "retry" else records.outbox_drop(wanted)
    if as_json:
        print_json(done.model_dump(mode="json"))
    else:
        said = "tried anew" if verb == "retry" else "given up"
        print_text(f"{done.messages} {'message' if done.messages == 1 else 'messages'} of {done.lane} {said}")


def _print_messages(rows: list[OutboxRow]) -> None:
    from sessionwatch.commands.table import moment, print_table, shown

    print_table(
        ["state", "lane", "kind", "tries", "made", "last error", "message"],
        [
            (
                row.state,
                shown(row.lane),
                row.kind,
                str(row.attempts),
                moment(row.created),
                shown(row.last_error),
                shown(row.message_id),
            )
            for row in rows
        ],
    )
