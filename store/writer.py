"""The one writer: what a batch leads to, in one transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import duckdb
import msgspec
import pyarrow as pa

from schemas.alert import Alert
from schemas.event import Event
from schemas.instant import DAY
from schemas.revocation import Revocation
from schemas.signal import Signal
from store import alert_rows, event_columns, incident_rows, outbox_rows, revocation_rows, step_up_rows
from store.audit_check import Head
from store.audit_key import AuditKey
from store.audit_trail import AuditTrail
from store.errors import WriterMisused, explained
from store.retention import (
    COMPACT_FROM,
    COUNT_SNAPSHOTS,
    DROP_SUPERSEDED_MARKS,
    DROP_SUPERSEDED_SNAPSHOTS,
    NEWEST_DAY_KEPT,
    REMEMBER_SEQ,
    RETAIN,
    RETAIN_DAYS,
    REVOCATION_LIFE_US,
    USER_DAYS_KEPT,
)
from store.rows import (
    AuditLine,
    CampaignRow,
    DeadLetter,
    Erasure,
    MemberRow,
    OutboxMessage,
    ReceivedRow,
    RiskRow,
    SnapshotRow,
    StepUpRow,
    StreamRow,
    TriageRow,
    UserDay,
)

_INSTANT = pa.timestamp("us")

INSERT_SIGNALS = """
INSERT INTO signals SELECT seq, signal_id, signal_time, kind, app, session_id, user_id, payload FROM incoming
"""
INSERT_DEAD_LETTERS = """
INSERT INTO dead_letters
SELECT topic, kafka_partition, kafka_offset, arrival, reason, detail, length, sha256, content FROM incoming
"""
KNOWN_DAYS = """
SELECT realm, user_id, day, successes FROM user_days
WHERE user_id IN (SELECT unnest($users::VARCHAR[])) AND day BETWEEN $first AND $last
"""
DROP_DAY = "DELETE FROM user_days WHERE user_id = $user_id AND realm = $realm AND day = $day"
INSERT_DAYS = "INSERT INTO user_days SELECT realm, user_id, day, version, successes, content FROM incoming"
DROP_STREAM = "DELETE FROM ssf_streams WHERE receiver = $receiver"
INSERT_STREAM = "INSERT INTO ssf_streams VALUES ($receiver, $content, make_timestamp($at))"
INSERT_RECEIVED = "INSERT INTO ssf_received VALUES ($transmitter, $jti, $digest, make_timestamp($at))"
INSERT_SNAPSHOTS = "INSERT INTO snapshots SELECT mark, kind, key, seq, content FROM incoming"
INSERT_MARK = "INSERT INTO snapshot_marks VALUES ($mark, $seq, make_timestamp($at), $fingerprint)"
MOVE_OFFSET = """
UPDATE offsets SET topic_uuid = $topic_uuid, next_offset = $next_offset
WHERE topic = $topic AND kafka_partition = $partition
"""
INSERT_OFFSET = "INSERT INTO offsets VALUES ($topic, $partition, $topic_uuid, $next_offset)"
TRIAGE = """
UPDATE alerts SET triage = $status, verdict = $verdict, owner = $owner, triage_note = $note, triage_by = $by,
    triage_time = make_timestamp($at)
WHERE alert_id = $alert_id
"""
LAST_SEQ = """
SELECT greatest(
    (SELECT coalesce(max(seq), 0) FROM events),
    (SELECT coalesce(max(seq), 0) FROM signals),
    (SELECT coalesce(max(seq), 0) FROM snapshot_marks),
    (SELECT coalesce(max(value::BIGINT), 0) FROM meta WHERE name = 'last_seq'))
"""
LAST_PLACE = "SELECT coalesce(max(place), 0) FROM outbox"
LAST_MARK = "SELECT coalesce(max(mark), 0) FROM snapshot_marks"
SAVE_FACT = "INSERT INTO meta VALUES ($name, $value) ON CONFLICT (name) DO UPDATE SET value = excluded.value"


class _TakenBack(Exception):
    """Ends a transaction that was never meant to stay."""


class Writer:
    """Writes for one thread: the first that begins a transaction is the only one that may.

    Every method but `compact_snapshots`, `retain`, `retain_user_days` and `retain_audit`, which make their own, wants
    an open `transaction`.

    Attributes:
        last_seq: the sequence number of the event or signal appended last; one sequence for both.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path, audit_key: AuditKey) -> None:
        self._connection = connection
        self._path = path
        self._audit = AuditTrail(connection, audit_key)
        self._thread: int | None = None
        self._open = False
        self._compact_at = 0
        self._days_retained: int | None = None
        self._audit_retained: int | None = None
        self._offsets: dict[tuple[str, int], tuple[str | None, int]] = {}
        self.last_seq = self._number(LAST_SEQ)
        self._last_place = self._number(LAST_PLACE)
        self._last_mark = self._number(LAST_MARK)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing; an exception in it undoes what was written and the numbers given.

        Raises:
            StoreError: the write failed, as for a full disk. Then nothing of the block is in the store.
            WriterMisused: another thread writes, or a transaction is open.
        """
        self._claim_thread()
        if self._open:
            raise WriterMisused("a transaction is open already")
        numbers, audit = (self.last_seq, self._last_place, self._last_mark), self._audit.mark()
        with explained(self._path):
            self._connection.execute("BEGIN")
            self._open = True
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self.last_seq, self._last_place, self._last_mark = numbers
                self._audit.back(audit)
                self._offsets.clear()
                self._roll_back()
                raise
            finally:
                self._open = False

    def warm_up(self) -> None:
        """Insert and take back: what a process pays once (175 ms), before a stolen session waits for it."""
        event = Event(str(UUID(int=0)), 0, "heartbeat", "warm-up")
        try:
            with self.transaction():
                self.append_events([event])
                raise _TakenBack
        except _TakenBack:
            return

    def append_events(self, events: Sequence[Event]) -> None:
        """Append events in their order, and give each its `seq`."""
        for seq, event in enumerate(events, self.last_seq + 1):
            event.seq = seq
        if events:
            self._insert(event_columns.INSERT_EVENTS, event_columns.to_arrow(events))
            self.last_seq += len(events)

    def append_signals(self, signals: Sequence[Signal]) -> None:
        """Append signals in their order; those of a batch go before its events, as the detectors see them."""
        if not signals:
            return
        rows = {
            "seq": range(self.last_seq + 1, self.last_seq + 1 + len(signals)),
            "signal_id": _texts(signal.signal_id for signal in signals),
            "signal_time": pa.array([signal.time_us for signal in signals], _INSTANT),
            "kind": _texts(signal.kind for signal in signals),
            "app": _texts(signal.app for signal in signals),
            "session_id": _texts(signal.session_id for signal in signals),
            "user_id": _texts(signal.user_id for signal in signals),
            "payload": _texts(msgspec.json.encode(signal.payload).decode() for signal in signals),
        }
        self._insert(INSERT_SIGNALS, pa.table(rows))
        self.last_seq += len(signals)

    def append_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Append refused messages."""
        if not letters:
            return
        rows = {
            "topic": _texts(letter.topic for letter in letters),
            "kafka_partition": [letter.partition for letter in letters],
            "kafka_offset": [letter.offset for letter in letters],
            "arrival": pa.array([letter.arrival_us for letter in letters], _INSTANT),
            "reason": _texts(str(letter.reason) for letter in letters),
            "detail": _texts(letter.detail for letter in letters),
            "length": [letter.length for letter in letters],
            "sha256": _texts(letter.sha256 for letter in letters),
            "content": pa.array([letter.content for letter in letters], pa.binary()),
        }
        self._insert(INSERT_DEAD_LETTERS, pa.table(rows))

    def save_alerts(self, alerts: Sequence[Alert], at_us: int) -> None:
        """Insert or replace alerts by id. What people set (`triage`) and the time of first storing stay.

        Args:
            alerts: as they are now; of their status only `withdrawn` is taken.
            at_us: arrival of the batch, microseconds since the epoch.
        """
        if alerts:
            self._save(
                alert_rows.to_arrow(alerts, at_us),
                alert_rows.STORED_ALERTS,
                alert_rows.INSERT_ALERTS,
                alert_rows.REPLACE_ALERTS,
            )

    def save_triage(self, rows: Sequence[TriageRow]) -> None:
        """Write down what people made of alerts, in the order of the rows."""
        for row in rows:
            fields = msgspec.structs.asdict(row)
            fields["at"] = fields.pop("at_us")
            del fields["app"]
            self._execute(TRIAGE, fields)

    def save_revocations(self, revocations: Sequence[Revocation]) -> None:
        """Insert or replace revocations by id."""
        if revocations:
            self._save(
                revocation_rows.to_arrow(revocations),
                revocation_rows.STORED_REVOCATIONS,
                revocation_rows.INSERT_REVOCATIONS,
                revocation_rows.REPLACE_REVOCATIONS,
            )

    def save_offsets(self, topic: str, topic_uuid: str | None, next_offsets: Mapping[int, int]) -> None:
        """Write where reading goes on: partition to the offset of the next message."""
        for partition, next_offset in next_offsets.items():
            if self._offsets.get((topic, partition)) == (topic_uuid, next_offset):
                continue
            row = {
                "topic": topic,
                "partition": partition,
                "topic_uuid": topic_uuid,
                "next_offset": next_offset,
            }
            # Four times as fast as ON CONFLICT, and every live batch waits for it.
            if not self._execute(MOVE_OFFSET, row):
                self._execute(INSERT_OFFSET, row)
            self._offsets[topic, partition] = topic_uuid, next_offset

    def enqueue(self, messages: Sequence[OutboxMessage]) -> None:
        """Put messages into the outbox in the order in which they should leave; known ones are left alone."""
        if messages:
            self._insert(outbox_rows.ENQUEUE, outbox_rows.to_arrow(messages, self._last_place + 1))
            self._last_place += len(messages)

    def settle(self, messages: Sequence[OutboxMessage]) -> None:
        """Write how far messages have come: state, attempts, next try, first try, end and last error."""
        if messages:
            self._insert(outbox_rows.SETTLE, outbox_rows.to_arrow(messages))

    @property
    def audit_head(self) -> Head:
        """The newest audit line and its hash."""
        return self._audit.head

    def append_audit(self, lines: Sequence[AuditLine]) -> None:
        """Append audit lines, numbered and chained in their order."""
        self._check_open()
        if lines:
            self._audit.append(lines)

    def erase_from_audit(self, erasures: Sequence[Erasure], at_us: int) -> None:
        """Have the audit log forget names; its chain stays whole.

        Args:
            at_us: the pipeline's clock, microseconds since the epoch.
        """
        self._check_open()
        for erasure in erasures:
            self._audit.erase(erasure, at_us)

    def checkpoint_audit(self, at_us: int, *, always: bool = False) -> Head | None:
        """Sign the head of the audit log where that is due, and return it, else None.

        Args:
            at_us: the pipeline's clock, microseconds since the epoch.
            always: due as soon as there is a line that is not signed.
        """
        self._check_open()
        return self._audit.checkpoint(at_us, always=always)

    def save_user_days(self, days: Sequence[UserDay]) -> None:
        """Insert finished days of users; of two of one user and day the fuller stands.

        Two come of a key that was dropped and came back the same day, or of state rebuilt from half a day.
        """
        if not days:
            return
        fullest: dict[tuple[str, str, int], UserDay] = {}
        for row in sorted(days, key=lambda row: row.successes):
            fullest[row.realm, row.user_id, row.day] = row
        numbers = [row.day for row in days]
        wanted = {"users": [row.user_id for row in days], "first": min(numbers), "last": max(numbers)}
        self._check_open()
        for realm, user_id, day, successes in self._connection.execute(KNOWN_DAYS, wanted).fetchall():
            found = fullest.get((realm, user_id, day))
            if found is not None and found.successes <= successes:
                del fullest[realm, user_id, day]
            elif found is not None:
                self._execute(DROP_DAY, {"realm": realm, "user_id": user_id, "day": day})
        rows = list(fullest.values())
        if rows:
            columns = {
                "realm": _texts(row.realm for row in rows),
                "user_id": _texts(row.user_id for row in rows),
                "day": [row.day for row in rows],
                "version": [row.version for row in rows],
                "successes": [row.successes for row in rows],
                "content": pa.array([row.content for row in rows], pa.binary()),
            }
            self._insert(INSERT_DAYS, pa.table(columns))

    def save_risks(self, rows: Sequence[RiskRow]) -> None:
        """Replace the risks of users and sessions; one without contributions goes."""
        if rows:
            self._insert(incident_rows.DROP_RISKS, incident_rows.risks_to_arrow(rows))
            self._execute(incident_rows.INSERT_RISKS)

    def save_campaigns(self, campaigns: Sequence[CampaignRow], members: Sequence[MemberRow]) -> None:
        """Replace campaigns, and say which one alerts belong to; a campaign that shares nothing goes."""
        if campaigns:
            self._insert(incident_rows.DROP_CAMPAIGNS, incident_rows.campaigns_to_arrow(campaigns))
            self._execute(incident_rows.INSERT_CAMPAIGNS)
        if members:
            self._insert(incident_rows.DROP_MEMBERS, incident_rows.members_to_arrow(members))
            self._execute(incident_rows.INSERT_MEMBERS)

    def save_streams(self, rows: Sequence[StreamRow], at_us: int) -> None:
        """Replace the event streams of receivers; one without content goes.

        Args:
            at_us: the pipeline's clock, microseconds since the epoch.
        """
        for row in rows:
            self._execute(DROP_STREAM, {"receiver": row.receiver})
            if row.content is not None:
                self._execute(INSERT_STREAM, {"receiver": row.receiver, "content": row.content, "at": at_us})

    def append_received(self, rows: Sequence[ReceivedRow]) -> None:
        """Remember security event tokens that were taken; each `jti` of a transmitter once."""
        for row in rows:
            received = {"transmitter": row.transmitter, "jti": row.jti, "digest": row.digest, "at": row.received_us}
            self._execute(INSERT_RECEIVED, received)

    def save_step_ups(self, rows: Sequence[StepUpRow]) -> None:
        """Insert or replace step-ups by id."""
        for row in rows:
            fields = msgspec.structs.asdict(row)
            if not self._execute(step_up_rows.MOVE, {name: fields[name] for name in step_up_rows.MOVED}):
                self._execute(step_up_rows.INSERT, fields)

    def save_facts(self, facts: Mapping[str, str]) -> None:
        """Write down what the pipeline must know of itself after a restart, by name."""
        for name, value in facts.items():
            self._execute(SAVE_FACT, {"name": name, "value": value})

    def append_snapshot(self, seq: int, at_us: int, fingerprint: str, rows: Sequence[SnapshotRow]) -> None:
        """Append the changed keys as of `seq`; older rows of a key stay until `compact_snapshots`.

        Args:
            seq: everything up to this sequence number is in the state.
            at_us: the pipeline's clock, microseconds since the epoch.
            fingerprint: of rules and configuration, by which a start decides whether it may use the state.
            rows: the keys that changed or expired since the last snapshot, each once.
        """
        self._last_mark += 1
        mark = {"mark": self._last_mark, "seq": seq, "at": at_us, "fingerprint": fingerprint}
        self._execute(INSERT_MARK, mark)
        if not rows:
            return
        columns = {
            "mark": pa.repeat(pa.scalar(self._last_mark, pa.int64()), len(rows)),
            "kind": _texts(row.kind for row in rows),
            "key": _texts(row.key for row in rows),
            "seq": pa.repeat(pa.scalar(seq, pa.int64()), len(rows)),
            "content": pa.array([row.content for row in rows], pa.large_binary()),
        }
        self._insert(INSERT_SNAPSHOTS, pa.table(columns))

    def compact_snapshots(self) -> None:
        """Drop what newer snapshots supersede, in a transaction of its own.

        It reads every key, so after the first time it waits until the rows have doubled: call it often.
        """
        self._claim_thread()
        if self._number(COUNT_SNAPSHOTS) < self._compact_at:
            return
        with self.transaction():
            self._execute(DROP_SUPERSEDED_SNAPSHOTS)
            self._execute(DROP_SUPERSEDED_MARKS)
        self._compact_at = max(COMPACT_FROM, 2 * self._number(COUNT_SNAPSHOTS))

    def retain(self, before_us: int) -> dict[str, int]:
        """Delete what is older, in a transaction of its own, and return the number of rows by table.

        Audit lines, offsets and pending messages stay, and so does what the next start must re-run.

        Args:
            before_us: event time (dead letters: arrival) before which rows go, microseconds since the epoch.
        """
        deleted = {}
        parameters = {"before": before_us, "before_revocations": before_us - REVOCATION_LIFE_US}
        with self.transaction():
            self._execute(REMEMBER_SEQ, {"seq": str(self.last_seq)})
            for table, statement in RETAIN.items():
                used = {name: value for name, value in parameters.items() if f"${name})" in statement}
                deleted[table] = self._execute(statement, used)
        return deleted

    def retain_user_days(self, today: int) -> int:
        """Delete days of users that no baseline looks back to, in a transaction of its own; once a day.

        Args:
            today: days since the epoch.

        Returns:
            how many rows went.
        """
        self._claim_thread()
        if self._days_retained == today:
            return 0
        with self.transaction():
            bounds = {"before": today - USER_DAYS_KEPT, "newest_before": today - NEWEST_DAY_KEPT}
            deleted = self._execute(RETAIN_DAYS, bounds)
        self._days_retained = today
        return deleted

    def retain_audit(self, before_us: int, at_us: int) -> int:
        """Cut the audit log's old end and sign the cut, in a transaction of its own; once a day.

        Args:
            before_us: older lines go, microseconds since the epoch.
            at_us: the pipeline's clock.

        Returns:
            how many lines went.
        """
        self._claim_thread()
        today = at_us // DAY
        if self._audit_retained == today:
            return 0
        with self.transaction():
            dropped = self._audit.cut(before_us, at_us)
        self._audit_retained = today
        return dropped

    def close(self) -> None:
        """Let go of the cursor; the writer is of no more use."""
        self._connection.close()

    def _insert(self, statement: str, rows: pa.Table) -> None:
        self._check_open()
        self._connection.register("incoming", rows)
        self._connection.execute(statement)

    def _save(self, rows: pa.Table, stored: str, insert: str, replace: str) -> None:
        # Twice as fast as ON CONFLICT with so many columns, and a revocation waits for it. The key is first.
        self._check_open()
        ids = rows.column(0).to_pylist()
        known = {row[0] for row in self._connection.execute(stored, {"ids": ids}).fetchall()}
        if len(known) < len(ids):
            self._insert(insert, rows.filter(pa.array([one not in known for one in ids])))
        if known:
            self._insert(replace, rows.filter(pa.array([one in known for one in ids])))

    def _execute(self, statement: str, parameters: Mapping[str, object] | None = None) -> int:
        self._check_open()
        row = self._connection.execute(statement, dict(parameters or {})).fetchone()
        return int(row[0]) if row else 0

    def _number(self, statement: str) -> int:
        row = self._connection.execute(statement).fetchone()
        return int(row[0]) if row else 0

    def _claim_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.get_ident()
        if self._thread != threading.get_ident():
            raise WriterMisused("another thread writes to the store: hand it a command instead")

    def _check_open(self) -> None:
        self._claim_thread()
        if not self._open:
            raise WriterMisused("no transaction is open")

    def _roll_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except duckdb.Error:
            # A fatal error has undone it and made the connection useless; the first error is the news.
            return


def _texts(values: Iterator[str | None]) -> pa.Array:
    return pa.array(list(values), pa.string())
