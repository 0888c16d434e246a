"""The one writer: what a batch leads to, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import duckdb
import msgspec

from schemas.alert import Alert
from schemas.event import Event
from schemas.instant import DAY
from schemas.revocation import Revocation
from schemas.signal import Signal
from store import (
    alert_rows,
    dead_letter_rows,
    event_columns,
    incident_rows,
    outbox_rows,
    revocation_rows,
    signal_rows,
    snapshot_rows,
    step_up_rows,
    user_day_rows,
)
from store.audit_check import Head
from store.audit_key import AuditKey
from store.audit_trail import AuditTrail
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
from store.writing import Writing

DROP_STREAM = "DELETE FROM ssf_streams WHERE receiver = $receiver"
INSERT_STREAM = "INSERT INTO ssf_streams VALUES ($receiver, $content, make_timestamp($at))"
INSERT_RECEIVED = "INSERT INTO ssf_received VALUES ($transmitter, $jti, $digest, make_timestamp($at))"
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
        self._sql = Writing(connection, path)
        self._audit = AuditTrail(connection, audit_key)
        self._compact_at = 0
        self._days_retained: int | None = None
        self._audit_retained: int | None = None
        self._offsets: dict[tuple[str, int], tuple[str | None, int]] = {}
        self.last_seq = self._sql.number(LAST_SEQ)
        self._last_place = self._sql.number(LAST_PLACE)
        self._last_mark = self._sql.number(snapshot_rows.LAST_MARK)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing; an exception in it undoes what was written and the numbers given.

        Raises:
            StoreError: the write failed, as for a full disk. Then nothing of the block is in the store.
            WriterMisused: another thread writes, or a transaction is open.
        """
        numbers, audit = (self.last_seq, self._last_place, self._last_mark), self._audit.mark()
        try:
            with self._sql.transaction():
                yield
        except BaseException:
            # Also where the commit itself fails.
            self.last_seq, self._last_place, self._last_mark = numbers
            self._audit.back(audit)
            self._offsets.clear()
            raise

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
            self._sql.insert(event_columns.INSERT_EVENTS, event_columns.to_arrow(events))
            self.last_seq += len(events)

    def append_signals(self, signals: Sequence[Signal]) -> None:
        """Append signals in their order; those of a batch go before its events, as the detectors see them."""
        if not signals:
            return
        self._sql.insert(signal_rows.INSERT_SIGNALS, signal_rows.to_arrow(signals, self.last_seq + 1))
        self.last_seq += len(signals)

    def append_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Append refused messages."""
        if letters:
            self._sql.insert(dead_letter_rows.INSERT_DEAD_LETTERS, dead_letter_rows.to_arrow(letters))

    def save_alerts(self, alerts: Sequence[Alert], at_us: int) -> None:
        """Insert or replace alerts by id. What people set (`triage`) and the time of first storing stay.

        Args:
            alerts: as they are now; of their status only `withdrawn` is taken.
            at_us: arrival of the batch, microseconds since the epoch.
        """
        if alerts:
            self._sql.save(
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
            self._sql.execute(TRIAGE, fields)

    def save_revocations(self, revocations: Sequence[Revocation]) -> None:
        """Insert or replace revocations by id."""
        if revocations:
            self._sql.save(
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
            if not self._sql.execute(MOVE_OFFSET, row):
                self._sql.execute(INSERT_OFFSET, row)
            self._offsets[topic, partition] = topic_uuid, next_offset

    def enqueue(self, messages: Sequence[OutboxMessage]) -> None:
        """Put messages into the outbox in the order in which they should leave; known ones are left alone."""
        if messages:
            self._sql.insert(outbox_rows.ENQUEUE, outbox_rows.to_arrow(messages, self._last_place + 1))
            self._last_place += len(messages)

    def settle(self, messages: Sequence[OutboxMessage]) -> None:
        """Write how far messages have come: state, attempts, next try, first try, end and last error."""
        if messages:
            self._sql.insert(outbox_rows.SETTLE, outbox_rows.to_arrow(messages))

    def append_audit(self, lines: Sequence[AuditLine]) -> None:
        """Append audit lines, numbered and chained in their order."""
        self._sql.check_open()
        if lines:
            self._audit.append(lines)

    def erase_from_audit(self, erasures: Sequence[Erasure], at_us: int) -> None:
        """Have the audit log forget names; its chain stays whole.

        Args:
            at_us: the pipeline's clock, microseconds since the epoch.
        """
        self._sql.check_open()
        for erasure in erasures:
            self._audit.erase(erasure, at_us)

    def checkpoint_audit(self, at_us: int, *, always: bool = False) -> Head | None:
        """Sign the head of the audit log where that is due, and return it, else None.

        Args:
            at_us: the pipeline's clock, microseconds since the epoch.
            always: due as soon as there is a line that is not signed.
        """
        self._sql.check_open()
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
        self._sql.check_open()
        for realm, user_id, day, successes in self._sql.connection.execute(user_day_rows.KNOWN_DAYS, wanted).fetchall():
            found = fullest.get((realm, user_id, day))
            if found is not None and found.successes <= successes:
                del fullest[realm, user_id, day]
            elif found is not None:
                self._sql.execute(user_day_rows.DROP_DAY, {"realm": realm, "user_id": user_id, "day": day})
        if fullest:
            self._sql.insert(user_day_rows.INSERT_DAYS, user_day_rows.to_arrow(list(fullest.values())))

    def save_risks(self, rows: Sequence[RiskRow]) -> None:
        """Replace the risks of users and sessions; one without contributions goes."""
        if rows:
            self._sql.insert(incident_rows.DROP_RISKS, incident_rows.risks_to_arrow(rows))
            self._sql.execute(incident_rows.INSERT_RISKS)

    def save_campaigns(self, campaigns: Sequence[CampaignRow], members: Sequence[MemberRow]) -> None:
        """Replace campaigns, and say which one alerts belong to; a campaign that shares nothing goes."""
        if campaigns:
            self._sql.insert(incident_rows.DROP_CAMPAIGNS, incident_rows.campaigns_to_arrow(campaigns))
            self._sql.execute(incident_rows.INSERT_CAMPAIGNS)
        if members:
            self._sql.insert(incident_rows.DROP_MEMBERS, incident_rows.members_to_arrow(members))
            self._sql.execute(incident_rows.INSERT_MEMBERS)

    def save_streams(self, rows: Sequence[StreamRow], at_us: int) -> None:
        """Replace the event streams of receivers; one without content goes.

        Args:
            at_us: the pipeline's clock, microseconds since the epoch.
        """
        for row in rows:
            self._sql.execute(DROP_STREAM, {"receiver": row.receiver})
            if row.content is not None:
                self._sql.execute(INSERT_STREAM, {"receiver": row.receiver, "content": row.content, "at": at_us})

    def append_received(self, rows: Sequence[ReceivedRow]) -> None:
        """Remember security event tokens that were taken; each `jti` of a transmitter once."""
        for row in rows:
            received = {"transmitter": row.transmitter, "jti": row.jti, "digest": row.digest, "at": row.received_us}
            self._sql.execute(INSERT_RECEIVED, received)

    def save_step_ups(self, rows: Sequence[StepUpRow]) -> None:
        """Insert or replace step-ups by id."""
        for row in rows:
            fields = msgspec.structs.asdict(row)
            if not self._sql.execute(step_up_rows.MOVE, {name: fields[name] for name in step_up_rows.MOVED}):
                self._sql.execute(step_up_rows.INSERT, fields)

    def save_facts(self, facts: Mapping[str, str]) -> None:
        """Write down what the pipeline must know of itself after a restart, by name."""
        for name, value in facts.items():
            self._sql.execute(SAVE_FACT, {"name": name, "value": value})

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
        self._sql.execute(snapshot_rows.INSERT_MARK, mark)
        if rows:
            self._sql.insert(snapshot_rows.INSERT_SNAPSHOTS, snapshot_rows.to_arrow(rows, self._last_mark, seq))

    def compact_snapshots(self) -> None:
        """Drop what newer snapshots supersede, in a transaction of its own.

        It reads every key, so after the first time it waits until the rows have doubled: call it often.
        """
        self._sql.claim_thread()
        if self._sql.number(COUNT_SNAPSHOTS) < self._compact_at:
            return
        with self.transaction():
            self._sql.execute(DROP_SUPERSEDED_SNAPSHOTS)
            self._sql.execute(DROP_SUPERSEDED_MARKS)
        self._compact_at = max(COMPACT_FROM, 2 * self._sql.number(COUNT_SNAPSHOTS))

    def retain(self, before_us: int) -> dict[str, int]:
        """Delete what is older, in a transaction of its own, and return the number of rows by table.

        Audit lines, offsets and pending messages stay, and so does what the next start must re-run.

        Args:
            before_us: event time (dead letters: arrival) before which rows go, microseconds since the epoch.
        """
        deleted = {}
        parameters = {"before": before_us, "before_revocations": before_us - REVOCATION_LIFE_US}
        with self.transaction():
            self._sql.execute(REMEMBER_SEQ, {"seq": str(self.last_seq)})
            for table, statement in RETAIN.items():
                used = {name: value for name, value in parameters.items() if f"${name})" in statement}
                deleted[table] = self._sql.execute(statement, used)
        return deleted

    def retain_user_days(self, today: int) -> int:
        """Delete days of users that no baseline looks back to, in a transaction of its own; once a day.

        Args:
            today: days since the epoch.

        Returns:
            how many rows went.
        """
        self._sql.claim_thread()
        if self._days_retained == today:
            return 0
        with self.transaction():
            bounds = {"before": today - USER_DAYS_KEPT, "newest_before": today - NEWEST_DAY_KEPT}
            deleted = self._sql.execute(RETAIN_DAYS, bounds)
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
        self._sql.claim_thread()
        today = at_us // DAY
        if self._audit_retained == today:
            return 0
        with self.transaction():
            dropped = self._audit.cut(before_us, at_us)
        self._audit_retained = today
        return dropped

    def close(self) -> None:
        """Let go of the cursor; the writer is of no more use."""
        self._sql.close()
