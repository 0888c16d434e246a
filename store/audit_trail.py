"""The writer's side of the audit log: appends to the chain, signs checkpoints, cuts the old end, erases names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from schemas.instant import MINUTE
from store.arrow import INSTANT
from store.audit_chain import GENESIS, NAME_ERASED, ChainedLine, hash_of_line, hash_of_text
from store.audit_check import Head
from store.audit_key import AuditKey, Checkpoint, CheckpointKind
from store.audit_search import CHAINED, chained_of
from store.rows import PIPELINE, AuditLine, Erasure

CHECKPOINT_LINES = 1_000
CHECKPOINT_US = 10 * MINUTE
"""After so many lines, or after so long where there are any, the head of the chain is signed."""

AUTOMATIC = frozenset({PIPELINE, "policy", "admin", "user verdict"})
"""Actors that are no person; all others go by a pseudonym. `admin` is whoever holds the token of the first start."""

CHAIN_BEGUN = "audit chain begun"

_SALT_BYTES = 16
_MOST_KNOWN = 10_000
"""Names whose pseudonyms are kept in memory."""

INSERT_AUDIT = """
INSERT INTO audit (line, audit_time, actor, act, subject, app, why, details, user_pseudonym, salt, text_hash,
    before_hash, line_hash)
SELECT line, audit_time, actor, act, subject, app, why, details, user_pseudonym, salt, text_hash, before_hash,
    line_hash FROM incoming
"""
INSERT_NAMES = """
INSERT INTO audit_names SELECT pseudonym, name FROM incoming
WHERE pseudonym NOT IN (SELECT pseudonym FROM audit_names)
"""
INSERT_CHECKPOINT = "INSERT INTO audit_checkpoints VALUES ($kind, $number, $line, make_timestamp($at), $signature)"
NEWEST_LINE = "SELECT line, line_hash FROM audit ORDER BY line DESC LIMIT 1"
NEWEST_CHECKPOINT = """
SELECT coalesce(max(number), 0), coalesce(max(line), 0), coalesce(epoch_us(max(made)), 0)
FROM audit_checkpoints WHERE kind = $kind
"""
UNCHAINED = f"SELECT {CHAINED} FROM audit WHERE line_hash IS NULL ORDER BY line"
DROP_UNCHAINED = "DELETE FROM audit WHERE line_hash IS NULL"
CUT_AT = """
SELECT least(
    (SELECT coalesce(min(line), 9223372036854775807) FROM audit WHERE audit_time >= make_timestamp($before)),
    (SELECT max(line) FROM audit)) - 1
"""
HASH_OF = "SELECT line_hash FROM audit WHERE line = $line"
DROP_LINES = "DELETE FROM audit WHERE line <= $line"
DROP_CHECKPOINTS = "DELETE FROM audit_checkpoints WHERE kind = 'cut' OR line <= $line"
DROP_UNUSED_NAMES = """
DELETE FROM audit_names WHERE pseudonym NOT IN (SELECT actor FROM audit)
AND pseudonym NOT IN (SELECT user_pseudonym FROM audit WHERE user_pseudonym IS NOT NULL)
"""
DROP_NAME = "DELETE FROM audit_names WHERE name = $name"
MENTIONS = """
SELECT line, why, details FROM audit
WHERE line_hash IS NOT NULL AND act <> $erasure AND salt IS NOT NULL
    AND (contains(why, $name) OR contains(details, $quoted))
ORDER BY line
"""
ERASE_TEXT = """
UPDATE audit SET why = '', details = '{}', salt = NULL WHERE list_contains($lines::BIGINT[], line)
"""

_details = msgspec.json.Decoder(dict[str, str | int])


class AuditTrail:
    """Appends for the one writer, inside its transaction.

    Args:
        connection: the writer's.
        key: makes pseudonyms and signs.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, key: AuditKey) -> None:
        self._connection = connection
        self._key = key
        self._pseudonyms: dict[str, str] = {}
        # Of the lines at hand: names that may not be in the table yet.
        self._new_names: list[str] = []
        newest = connection.execute(NEWEST_LINE).fetchone()
        self._line = 0 if newest is None else int(newest[0])
        # None: the store is older than the chain.
        self._hash: str | None = GENESIS if newest is None else newest[1]
        self._number, self._signed_line, self._signed_us = self._newest_checkpoint("head")

    @property
    def head(self) -> Head:
        """The newest line and its hash."""
        return Head(self._line, self._hash or GENESIS)

    def mark(self) -> tuple[Any, ...]:
        """Return what `back` wants when a transaction is undone."""
        return self._line, self._hash, self._number, self._signed_line, self._signed_us

    def back(self, mark: tuple[Any, ...]) -> None:
        """Be as it was at a mark."""
        self._line, self._hash, self._number, self._signed_line, self._signed_us = mark
        self._pseudonyms.clear()
        self._new_names.clear()

    def append(self, lines: Sequence[AuditLine]) -> None:
        """Append lines in their order. Those of a store that is older than the chain are taken up first."""
        if self._hash is None:
            self._take_up(lines[0].time_us)
        self._store([self._chained(line) for line in lines])

    def checkpoint(self, at_us: int, *, always: bool = False) -> Head | None:
        """Sign the head of the chain where that is due, and return it, else None.

        Args:
            at_us: the pipeline's clock, microseconds since the epoch.
            always: due as soon as there is a line that is not signed.
        """
        if self._hash is None or not self._is_due(at_us, always=always):
            return None
        self._number += 1
        self._sign("head", self._number, self.head, at_us)
        self._signed_line, self._signed_us = self._line, at_us
        return self.head

    def cut(self, before_us: int, at_us: int) -> int:
        """Drop the lines that are older than an instant, up to the first that is not, and sign the cut.

        The newest line stays. Names that no line needs any more go too.

        Args:
            before_us: microseconds since the epoch.
            at_us: the pipeline's clock.

        Returns:
            how many lines went.
        """
        row = self._connection.execute(CUT_AT, {"before": before_us}).fetchone()
        line = int(row[0]) if row and row[0] is not None else 0
        found = self._connection.execute(HASH_OF, {"line": line}).fetchone()
        if found is None or found[0] is None:
            return 0
        number, _, _ = self._newest_checkpoint("cut")
        self._connection.execute(DROP_CHECKPOINTS, {"line": line})
        self._sign("cut", number + 1, Head(line, found[0]), at_us)
        dropped = self._connection.execute(DROP_LINES, {"line": line}).fetchone()
        self._connection.execute(DROP_UNUSED_NAMES)
        self._pseudonyms.clear()
        return int(dropped[0]) if dropped else 0

    def erase(self, erasure: Erasure, at_us: int) -> None:
        """Forget a name, and the texts of the lines that mention it. A line says so, and the chain goes on.

        Args:
            erasure: whose.
            at_us: the pipeline's clock, microseconds since the epoch.
        """
        name = erasure.name
        pseudonym = self._key.pseudonym(name)
        lines = self._mentions(name)
        why = "" if _mentions(name, erasure.why) else erasure.why
        details: dict[str, str | int] = {"lines": " ".join(map(str, lines))} if lines else {}
        self.append([AuditLine(at_us, erasure.by, NAME_ERASED, pseudonym, why=why, details=details)])
        self._connection.execute(ERASE_TEXT, {"lines": lines})
        self._connection.execute(DROP_NAME, {"name": name})
        self._pseudonyms.pop(name, None)

    def _is_due(self, at_us: int, *, always: bool) -> bool:
        unsigned = self._line - self._signed_line
        if unsigned <= 0:
            return False
        return always or unsigned >= CHECKPOINT_LINES or not 0 <= at_us - self._signed_us < CHECKPOINT_US

    def _sign(self, kind: CheckpointKind, number: int, head: Head, at_us: int) -> None:
        signed = self._key.sign(Checkpoint(kind, number, head.line, head.hash, at_us))
        row = {"kind": kind, "number": number, "line": head.line, "at": at_us, "signature": signed.signature}
        self._connection.execute(INSERT_CHECKPOINT, row)

    def _newest_checkpoint(self, kind: CheckpointKind) -> tuple[int, int, int]:
        row = self._connection.execute(NEWEST_CHECKPOINT, {"kind": kind}).fetchone()
        assert row is not None
        return int(row[0]), int(row[1]), int(row[2])

    def _chained(self, line: AuditLine) -> ChainedLine:
        details = msgspec.json.encode(line.details).decode()
        actor = line.actor if line.actor in AUTOMATIC else self._pseudonym(line.actor)
        user = self._pseudonym(line.user_id) if line.user_id else ""
        return self._linked(line.time_us, actor, line.act, line.subject, line.app, line.why, details, user)

    def _linked(
        self, time_us: int, actor: str, act: str, subject: str, app: str, why: str, details: str, user: str
    ) -> ChainedLine:
        salt, before, number = os.urandom(_SALT_BYTES).hex(), self.head.hash, self._line + 1
        text_hash = hash_of_text(salt, why, details)
        self._hash = hash_of_line(before, number, time_us, actor, user, act, subject, app, text_hash)
        self._line = number
        return ChainedLine(
            number, time_us, actor, act, subject, app, why, details, user, salt, text_hash, before, self._hash
        )

    def _pseudonym(self, name: str) -> str:
        known = self._pseudonyms.get(name)
        if known is not None:
            return known
        self._new_names.append(name)
        self._pseudonyms[name] = pseudonym = self._key.pseudonym(name)
        return pseudonym

    def _take_up(self, at_us: int) -> None:
        """Chain the lines of a store that is older than the chain, as they are found."""
        old = [chained_of(row) for row in self._connection.execute(UNCHAINED).fetchall()]
        self._line, self._hash = old[0].line - 1, GENESIS
        taken = []
        for one in old:
            actor = one.actor if one.actor in AUTOMATIC else self._pseudonym(one.actor)
            taken.append(
                self._linked(one.time_us, actor, one.act, one.subject, one.app, one.why, one.details, one.user)
            )
        self._connection.execute(DROP_UNCHAINED)
        self._store(taken)
        why = f"{len(old)} lines were written before there was a chain, and are taken up as they were found"
        self.append([AuditLine(at_us, PIPELINE, CHAIN_BEGUN, "audit", why=why)])

    def _mentions(self, name: str) -> list[int]:
        quoted = msgspec.json.encode(name).decode()[1:-1]
        wanted = {"name": name, "quoted": quoted, "erasure": NAME_ERASED}
        rows = self._connection.execute(MENTIONS, wanted).fetchall()
        return [
            int(line)
            for line, why, details in rows
            if _mentions(name, why) or any(_mentions(name, str(one)) for one in _details.decode(details).values())
        ]

    def _store(self, lines: Sequence[ChainedLine]) -> None:
        if self._new_names:
            names = list(dict.fromkeys(self._new_names))
            rows = {"pseudonym": [self._pseudonyms[name] for name in names], "name": names}
            self._insert(INSERT_NAMES, pa.table(rows))
            self._new_names.clear()
        if len(self._pseudonyms) > _MOST_KNOWN:
            self._pseudonyms.clear()
        self._insert(INSERT_AUDIT, _table(lines))

    def _insert(self, statement: str, rows: pa.Table) -> None:
        self._connection.register("incoming", rows)
        self._connection.execute(statement)


def _mentions(name: str, text: str) -> bool:
    """Whether a text has a name as a word, and not as a part of another."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _table(lines: Sequence[ChainedLine]) -> pa.Table:
    def texts(take: Callable[[ChainedLine], str | None]) -> pa.Array:
        return pa.array([take(line) for line in lines], pa.string())

    return pa.table(
        {
            "line": pa.array([line.line for line in lines], pa.int64()),
            "audit_time": pa.array([line.time_us for line in lines], INSTANT),
            "actor": texts(lambda line: line.actor),
            "act": texts(lambda line: line.act),
            "subject": texts(lambda line: line.subject),
            "app": texts(lambda line: line.app),
            "why": texts(lambda line: line.why),
            "details": texts(lambda line: line.details),
            "user_pseudonym": texts(lambda line: line.user or None),
            "salt": texts(lambda line: line.salt or None),
            "text_hash": texts(lambda line: line.text_hash),
            "before_hash": texts(lambda line: line.before),
            "line_hash": texts(lambda line: line.hash),
        }
    )
