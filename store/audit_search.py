"""Queries over the audit log: lines as people read them, and the chain as it is checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import duckdb
import msgspec

from store.audit_chain import ChainedLine
from store.audit_check import Checked, Head, check, check_tail
from store.audit_key import PublicKeys, SignedCheckpoint
from store.errors import explain
from store.reading import Reading
from store.rows import AuditLine

PAGE = 10_000
MAX_ACTS = 500
"""Audit lines about one alert or revocation; the newest of them."""

_NAMED = """
audit LEFT JOIN audit_names AS actors ON actors.pseudonym = actor
LEFT JOIN audit_names AS users ON users.pseudonym = user_pseudonym
"""
_LINE = """
epoch_us(audit_time), coalesce(actors.name, actor), act, subject, app, why, details,
coalesce(users.name, user_pseudonym)
"""
CHAINED = """
line, epoch_us(audit_time), actor, act, subject, app, why, details, coalesce(user_pseudonym, ''), coalesce(salt, ''),
coalesce(text_hash, ''), coalesce(before_hash, ''), coalesce(line_hash, '')
"""
"""The select list that `chained_of` reads: the fields of ChainedLine in their order."""

ACTS = f"""
SELECT {_LINE} FROM {_NAMED} WHERE line IN (
    SELECT line FROM audit WHERE list_contains($subjects::VARCHAR[], subject) ORDER BY line DESC LIMIT $limit)
ORDER BY line
"""
SUBJECTS_OF_ACT = """
SELECT subject FROM audit WHERE act = $act AND audit_time >= make_timestamp($since)
GROUP BY subject ORDER BY max(line) DESC LIMIT $limit
"""
CHAIN = f"SELECT {CHAINED} FROM audit ORDER BY line"
CHAIN_PAGE = f"""
SELECT {CHAINED}, actors.name, users.name FROM {_NAMED}
WHERE line > $after AND audit_time >= make_timestamp($since) AND audit_time < make_timestamp($until)
ORDER BY line LIMIT $limit
"""
CHECKPOINTS = "SELECT kind, number, line, epoch_us(made), signature FROM audit_checkpoints ORDER BY line, kind, number"
NEWEST_CHECKPOINT = """
SELECT kind, number, line, epoch_us(made), signature FROM audit_checkpoints ORDER BY line DESC, kind DESC LIMIT 1
"""
SINCE = f"SELECT {CHAINED} FROM audit WHERE line > $line ORDER BY line"

_details = msgspec.json.Decoder(dict[str, str | int])


class NamedLine(msgspec.Struct, frozen=True, gc=False):
    """A line of the chain with the names of those in it; None = erased, or no person."""

    line: ChainedLine
    actor_name: str | None
    user_name: str | None


class AuditSearch(Reading):
    """Queries over the audit log."""

    def acts(self, subjects: Iterable[str]) -> list[AuditLine]:
        """Return the audit lines about alerts or revocations, the oldest first."""
        return [_line_of(row) for row in self._rows(ACTS, {"subjects": list(subjects), "limit": MAX_ACTS})]

    def subjects_of_act(self, act: str, since_us: int, limit: int) -> list[str]:
        """Return what an act was done to since an instant (microseconds since the epoch), the last first."""
        parameters = {"act": act, "since": since_us, "limit": limit}
        return [subject for (subject,) in self._rows(SUBJECTS_OF_ACT, parameters)]

    def audit_page(self, after: int, since_us: int, until_us: int, limit: int) -> list[NamedLine]:
        """Return lines of the chain, the oldest first.

        Args:
            after: only those with a higher number.
            since_us, until_us: from then on, and before then; microseconds since the epoch.
            limit: most lines.
        """
        parameters = {"after": after, "since": since_us, "until": until_us, "limit": limit}
        return [NamedLine(chained_of(row[:-2]), row[-2], row[-1]) for row in self._rows(CHAIN_PAGE, parameters)]

    def audit_checkpoints(self) -> list[SignedCheckpoint]:
        """Return what was signed of the chain."""
        return [SignedCheckpoint(*row) for row in self._rows(CHECKPOINTS)]

    def check_audit(self, keys: PublicKeys, head: Head | None = None) -> Checked:
        """Check the whole chain, as it is at this moment.

        Args:
            keys: whose checkpoints count.
            head: a line that must be there, as the log says.
        """
        try:
            self._connection.execute("BEGIN")
            try:
                return check(self._chain(), self.audit_checkpoints(), keys, head)
            finally:
                self._connection.execute("ROLLBACK")
        except duckdb.Error as error:
            raise explain(error, self._path) from error

    def audit_trouble_since_checkpoint(self, keys: PublicKeys) -> str:
        """Return what is wrong with the lines after the last checkpoint, or an empty text.

        Args:
            keys: whose checkpoint it must be.

        Raises:
            BadSignature: it is not.
        """
        row = self._row(NEWEST_CHECKPOINT)
        since = None if row is None else keys.read(SignedCheckpoint(*row))
        lines = map(chained_of, self._rows(SINCE, {"line": 0 if since is None else since.line}))
        trouble = check_tail(lines, since)
        return "" if trouble is None else trouble.what

    def _chain(self) -> Iterator[ChainedLine]:
        # One statement, so that a line that stands twice is met twice, and not whole: it may be millions of rows.
        found = self._connection.execute(CHAIN)
        while rows := found.fetchmany(PAGE):
            yield from map(chained_of, rows)


def chained_of(row: tuple[Any, ...]) -> ChainedLine:
    """Return the line of a row selected by `CHAINED`."""
    return ChainedLine(*row)


def _line_of(row: tuple[Any, ...]) -> AuditLine:
    time_us, actor, act, subject, app, why, details, user_id = row
    return AuditLine(time_us, actor, act, subject, app, why, _details.decode(details), user_id)
