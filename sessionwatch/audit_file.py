"""An export of the audit log as a file: JSON lines that anybody can check with the public key alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from pydantic import ValidationError

from schemas.api import AuditCheckpoint, AuditRow
from sessionwatch.errors import CommandError
from store.audit_chain import ChainedLine
from store.audit_check import Checked, Head, check
from store.audit_key import PublicKeys, SignedCheckpoint


def check_file(path: Path, keys: PublicKeys, head: Head | None, *, partial: bool) -> Checked:
    """Check an export.

    Args:
        path: of the file.
        keys: whose checkpoints count.
        head: a line that must be there, as the log says.
        partial: the file may begin anywhere: what stood before its first line is not missed.

    Raises:
        CommandError: it cannot be read, or holds something else.
    """
    # Twice, since checkpoints stand behind the lines and are wanted before them; whole it might not fit in memory.
    checkpoints = [_signed(one) for one in _records(path) if isinstance(one, AuditCheckpoint)]
    lines = (_chained(one) for one in _records(path) if isinstance(one, AuditRow))
    if not partial:
        return check(lines, checkpoints, keys, head)
    first = next((_chained(one) for one in _records(path) if isinstance(one, AuditRow)), None)
    if first is None:
        return check((), checkpoints, keys, head)
    within = [one for one in checkpoints if one.line >= first.line and one.kind == "head"]
    return check(lines, within, keys, head, after=Head(first.line - 1, first.before))


def _records(path: Path) -> Iterator[AuditRow | AuditCheckpoint]:
    try:
        with path.open(encoding="utf-8") as stream:
            yield from _read(path, stream)
    except OSError as error:
        raise CommandError(f"cannot read {path}: {(error.strerror or 'unreadable').lower()}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is no UTF-8 text") from None


def _read(path: Path, stream: TextIO) -> Iterator[AuditRow | AuditCheckpoint]:
    for number, text in enumerate(stream, 1):
        if not text.strip():
            continue
        model = AuditCheckpoint if '"kind":"checkpoint"' in text else AuditRow
        try:
            yield model.model_validate_json(text)
        except ValidationError:
            raise CommandError(f"{path}, line {number} of the file: no record of an audit export") from None


def _chained(row: AuditRow) -> ChainedLine:
    return ChainedLine(
        row.line, row.time_us, row.actor, row.act, row.subject, row.app, row.why, row.details, row.user, row.salt,
        row.text_hash, row.before, row.hash,
    )  # fmt: skip


def _signed(row: AuditCheckpoint) -> SignedCheckpoint:
    return SignedCheckpoint(row.of, row.number, row.line, row.made_us, row.signature)
