"""The audit log: its lines as they are hashed, what was signed of them, and whether all is as it was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

import msgspec

from schemas.api import (
    AuditCheck,
    AuditCheckpoint,
    AuditCheckpoints,
    AuditPage,
    AuditRow,
    AuditTrouble,
    NameErased,
)
from schemas.instant import to_datetime
from sessionwatch.api.answers.span import LATEST_US
from sessionwatch.api.asker import Asker
from sessionwatch.api.cursor import from_cursor, to_cursor
from sessionwatch.api.problem import Refusal
from store.audit_chain import NAME_ERASED
from store.audit_check import Checked, Head
from store.audit_key import PublicKeys
from store.audit_search import NamedLine

Line = Annotated[int, msgspec.Meta(ge=0, le=2**62)]

_HEAD = re.compile(r"(?<!\w)(\d{1,18}):([0-9a-f]{64})(?!\w)", re.ASCII)


def audit_page(asker: Asker, since_us: int | None, until_us: int | None, cursor: str | None, limit: int) -> AuditPage:
    """Return a page of lines, the oldest first.

    Args:
        asker: who asks.
        since_us, until_us: from then on, and before then, microseconds since the epoch; None = all.
        cursor: where the page before ended.
        limit: most lines.

    Raises:
        Refusal: the cursor is none of this list.
    """
    place = from_cursor(cursor, tuple[Line])
    until = LATEST_US if until_us is None else until_us
    rows = asker.reader.audit_page(-1 if place is None else place[0], since_us or 0, until, limit + 1)
    shown = rows[:limit]
    following = to_cursor((shown[-1].line.line,)) if len(rows) > limit else None
    return AuditPage(items=[_row(row) for row in shown], next=following)


def audit_checkpoints(asker: Asker) -> AuditCheckpoints:
    """Return what was signed of the chain."""
    return AuditCheckpoints(
        items=[
            AuditCheckpoint(
                of=one.kind,
                number=one.number,
                line=one.line,
                made=to_datetime(one.at_us),
                made_us=one.at_us,
                signature=one.signature,
            )
            for one in asker.reader.audit_checkpoints()
        ]
    )


def audit_check(asker: Asker, keys: Sequence[str], head: str | None) -> AuditCheck:
    """Return whether the whole log is as it was written.

    Args:
        asker: who asks.
        keys: public keys whose checkpoints count.
        head: a line that must be there, as ``LINE:HASH``.

    Raises:
        Refusal: 422, a key or the head is none.
    """
    try:
        known, wanted = PublicKeys(*keys), None if head is None else read_head(head)
    except ValueError as error:
        raise Refusal(422, str(error)) from None
    return check_view(asker.reader.check_audit(known, wanted), keys)


def check_view(checked: Checked, keys: Sequence[str]) -> AuditCheck:
    """Return what a check has found."""
    trouble = checked.trouble
    return AuditCheck(
        whole=trouble is None,
        lines=checked.lines,
        first=checked.first,
        head=str(checked.head),
        checkpoints=checked.checkpoints,
        signed=checked.signed,
        keys=list(keys),
        unexplained=checked.unexplained,
        trouble=None if trouble is None else AuditTrouble(line=trouble.line, what=trouble.what),
    )


def read_head(text: str) -> Head:
    """Return the head that a text names: ``LINE:HASH``, or the line of the log that holds it.

    Raises:
        ValueError: it names none.
    """
    found = _HEAD.search(text.lower())
    if found is None:
        raise ValueError("head: expected LINE:HASH as the log has it, such as 1204:9f86d0…, with 64 hexadecimal digits")
    return Head(int(found[1]), found[2])


def name_erased(asker: Asker, pseudonym: str) -> NameErased:
    """Return what was erased last of somebody, right after it was.

    Args:
        asker: who asks.
        pseudonym: of whom.
    """
    line = next(line for line in reversed(asker.reader.acts([pseudonym])) if line.act == NAME_ERASED)
    lines = [int(one) for one in str(line.details.get("lines", "")).split()]
    return NameErased(pseudonym=pseudonym, lines=lines)


def _row(named: NamedLine) -> AuditRow:
    line = named.line
    return AuditRow(
        line=line.line,
        time=to_datetime(line.time_us),
        time_us=line.time_us,
        actor=line.actor,
        actor_name=named.actor_name,
        act=line.act,
        subject=line.subject,
        app=line.app,
        why=line.why,
        details=line.details,
        user=line.user,
        user_name=named.user_name,
        salt=line.salt,
        text_hash=line.text_hash,
        before=line.before,
        hash=line.hash,
    )
