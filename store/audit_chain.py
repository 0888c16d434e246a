"""The chain of the audit log: what stands in a line, and how its hash is made.

Each hash is SHA-256, in hexadecimal, over netstrings: each field as UTF-8, preceded by its length in bytes and a
colon, followed by a comma, so that no two sequences of fields give the same bytes.

- The text's hash: ``sessionwatch audit text 1``, salt, why, details (JSON text as stored).
- The line's hash: ``sessionwatch audit line 1``, the hash of the line before, line number, microseconds since the
  epoch (both decimal), actor, user, act, subject, app, the text's hash. What is absent is empty.

Before the first line stand 64 zeros. The salt lets a text be erased: without it, nobody can guess from the hash what
the text was, and the chain goes on.
"""

from __future__ import annotations

import hashlib

import msgspec

GENESIS = "0" * 64
"""What the first line takes for the hash of the line before."""

NAME_ERASED = "name erased"
"""The act of the line that says of which lines (`details.lines`) the text was erased."""

_LINE = b"25:sessionwatch audit line 1,"
_TEXT = b"25:sessionwatch audit text 1,"


class ChainedLine(msgspec.Struct, frozen=True, gc=False):
    """A line as it is stored and hashed.

    Attributes:
        actor, user: pseudonyms of persons; a part of the pipeline goes by its own name, and no user is "".
        details: JSON text.
        salt: hexadecimal; "" = why and details were erased.
        before: the hash of the line before.
        hash: its own; "" = the line is older than the chain and was not taken up yet.
    """

    line: int
    time_us: int
    actor: str
    act: str
    subject: str
    app: str
    why: str
    details: str
    user: str
    salt: str
    text_hash: str
    before: str
    hash: str


def hash_of_text(salt: str, why: str, details: str) -> str:
    """Return the hash of a line's text."""
    return hashlib.sha256(_TEXT + _netstrings(salt, why, details)).hexdigest()


def hash_of_line(
    before: str, line: int, time_us: int, actor: str, user: str, act: str, subject: str, app: str, text_hash: str
) -> str:
    """Return the hash of a line, as the text of this module says."""
    fields = _netstrings(before, str(line), str(time_us), actor, user, act, subject, app, text_hash)
    return hashlib.sha256(_LINE + fields).hexdigest()


def rehashed(line: ChainedLine, number: int | None = None) -> str:
    """Return the hash that a line should have, under its own number or another."""
    return hash_of_line(
        line.before, line.line if number is None else number, line.time_us, line.actor, line.user, line.act,
        line.subject, line.app, line.text_hash,
    )  # fmt: skip


def _netstrings(*fields: str) -> bytes:
    parts = []
    for field in fields:
        # Lone surrogates cannot be stored, yet must not end a batch here.
        encoded = field.encode("utf-8", "surrogatepass")
        parts.append(b"%d:%b," % (len(encoded), encoded))
    return b"".join(parts)
