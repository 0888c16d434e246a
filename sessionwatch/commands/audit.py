"""`sessionwatch audit verify | export | erase`: whether the audit log is as it was written, and a copy to prove it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sessionwatch.commands.options import ConfigOption, JsonOption, ReasonOption, TokenFileOption
from sessionwatch.commands.terminal import print_json, print_text, say

if TYPE_CHECKING:
    from schemas.api import AuditCheck, AuditRow
    from sessionwatch.commands.offline import Offline
    from sessionwatch.commands.remote import Remote

PAGE = 5_000

HeadOption = Annotated[
    str | None,
    typer.Option(
        "--head", metavar="LINE:HASH", help="A head that the log has told, or that line of the log: finds a cut tail."
    ),
]
KeyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--public-key", metavar="KEY", help="Whose checkpoints count; may be repeated. Default: the installation's."
    ),
]

app = typer.Typer(help="Check and export the audit log.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Check and export the audit log."""


@app.command()
def verify(
    head: HeadOption = None,
    public_key: KeyOption = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="F", help="Check this export; wants --public-key, and no installation."),
    ] = None,
    partial: Annotated[bool, typer.Option("--partial", help="With --file: it may begin anywhere.")] = False,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the whole audit log: a line that was changed, removed or moved is named, and the exit is 1."""
    from sessionwatch.commands.records import open_records

    if file is not None:
        found = _check_file(file, public_key or [], head, partial)
    else:
        with open_records(config, token_file) as records:
            found = records.audit_check(public_key or [], head)
    if as_json:
        print_json(found.model_dump(mode="json"))
    if found.trouble is not None:
        say(f"sessionwatch: the audit log is not as it was written: {found.trouble.what}")
        raise typer.Exit(1)
    if not as_json:
        _print(found)


@app.command()
def export(
    since: Annotated[
        str | None, typer.Option("--from", metavar="T", help="Lines from then on: a duration, a day, or a time.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="T", help="Lines before then.")] = None,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write lines and then checkpoints as JSON, one a line (with and without --json); `verify --file` checks it."""
    from sessionwatch.commands.records import open_records
    from sessionwatch.commands.since import span

    wanted, count, newest = span(since, until), 0, 0
    with open_records(config, token_file) as records:
        for row in _rows(records, wanted.since_us, wanted.until_us):
            count, newest = count + 1, max(newest, row.line)
            print_json(row.model_dump(mode="json"))
        for checkpoint in records.audit_checkpoints().items:
            # One of a line that is not exported, or was written meanwhile, would look like a tail cut off.
            if checkpoint.line <= newest:
                print_json(checkpoint.model_dump(mode="json"))
    if not as_json:
        say(f"{count} {'line' if count == 1 else 'lines'}")


@app.command()
def erase(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of an operator or user, or an address.")],
    reason: ReasonOption,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the audit log forget a name, and the texts that mention it. The chain stays whole."""
    from schemas.api import NameErasure
    from sessionwatch.commands.asked import asked
    from sessionwatch.commands.records import open_records

    wanted = asked(NameErasure, name=name, reason=reason)
    with open_records(config, token_file) as records:
        done = records.erase_name(wanted)
    if as_json:
        print_json(done.model_dump(mode="json"))
    else:
        texts = f"{len(done.lines)} {'text' if len(done.lines) == 1 else 'texts'}"
        print_text(f"the name is erased, and {texts} that mentioned it; the chain goes on with {done.pseudonym}")


def _rows(records: Remote | Offline, since_us: int, until_us: int) -> Iterator[AuditRow]:
    from schemas.instant import to_rfc3339

    cursor: str | None = None
    span = {"since": to_rfc3339(since_us), "until": to_rfc3339(until_us)}
    while True:
        page = records.audit({**span, "cursor": cursor, "limit": PAGE})
        yield from page.items
        cursor = page.next
        if cursor is None:
            return


def _check_file(file: Path, keys: list[str], head: str | None, partial: bool) -> AuditCheck:
    from sessionwatch.api.answers.audit import check_view, read_head
    from sessionwatch.audit_file import check_file
    from store.audit_key import PublicKeys

    if not keys:
        why = "expected with --file: the pipeline's log names it at each start"
        raise typer.BadParameter(why, param_hint="--public-key")
    try:
        known, wanted = PublicKeys(*keys), None if head is None else read_head(head)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return check_view(check_file(file, known, wanted, partial=partial), keys)


def _print(found: AuditCheck) -> None:
    last = found.head.partition(":")[0]
    if not found.lines:
        print_text("the audit log is empty")
        return
    print_text(f"whole: {found.lines} lines, {found.first} to {last}, {found.checkpoints} checkpoints")
    if found.unexplained:
        print_text(f"of {found.unexplained} texts that are gone only the lines behind can say that they were erased")
    print_text(f"head: {found.head}")
    print_text(f"signed up to line {found.signed} by {', '.join(found.keys)}")
