"""The batch loop: poll, decode, dedup, enrich, observe, detect, respond, commit. One batch, one transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from detectors.findings.stage import Detection
from detectors.remembered import Days, inform
from ingest import carried
from ingest.batch import Batch
from ingest.dead_letter import dead_letter
from ingest.decode import Decoder
from ingest.dedup import Dedup
from ingest.enrich import Enricher, in_order
from ingest.flags import statements, verdicts
from ingest.inbox import Inbox, Submission
from ingest.judging import judge
from ingest.metrics import Metrics
from ingest.record import Gap, Record
from schemas.instant import DAY, MINUTE, SECOND
from schemas.signal import Signal
from store.audit_check import Head
from store.rows import PIPELINE, AuditLine
from store.writer import Writer

SNAPSHOT_EVERY_US = 30 * SECOND
SNAPSHOT_EVERY_EVENTS = 200_000
SWEEP_EVERY_US = MINUTE
POLL_MS = 500
"""How long an idle poll waits; a record or a command ends it at once."""

log = structlog.get_logger(__name__)


class Source(Protocol):
    """Where records come from: `ingest.source.KafkaSource`."""

    @property
    def topic_uuid(self) -> str | None:
        """Identity of the topic, stored with the positions."""

    @property
    def stream_time_us(self) -> int | None:
        """The oldest of the partitions that are behind; None when none is."""

    def poll(self, timeout_ms: int) -> list[Record]:
        """Return the next records."""

    def positions(self) -> dict[int, int]:
        """Return the next offset by partition, of what was returned."""

    def take_gaps(self) -> list[Gap]:
        """Return the places where stored positions did not fit."""

    def lag(self) -> dict[int, int]:
        """Return the records not yet read, by partition."""

    def commit_for_lag_tools(self, positions: dict[int, int]) -> None:
        """Tell the group's offsets to whoever watches lag."""


class Responder(Protocol):
    """What alerts lead to: `response.responder.Responder`."""

    def observe(self, batch: Batch) -> None:
        """First half, before detect: what came back."""

    def respond(self, batch: Batch) -> None:
        """Second half, after detect: what the alerts lead to."""

    def after_commit(self, batch: Batch) -> None:
        """Hand over what may leave now."""

    def is_due(self, now_us: int) -> bool:
        """Return whether time alone asks for a batch."""


@dataclass(slots=True)
class Stages:
    """What the loop is made of, each handed in ready to use.

    Attributes:
        days: where users' finished days are looked up.
        clock: the pipeline's clock, microseconds since the epoch.
        probe: called with ``before <stage>`` and ``after <stage>``; the kill tests hang on it.
        watch: called with every batch after its commit.
        rerun: events judged again at the start, which no snapshot holds yet.
        beat: called at every turn, so that a loop that hangs can be told from an idle one.
        facts: asked at every turn what has changed outside, such as a network list.
        audit_retention_us: how long audit lines are kept, microseconds.
        begun: audit lines that the start itself is worth, and `begun_facts` what is stored with them.
        carried: signals that the last batch before the start has led to, and that none has told yet.
    """

    source: Source
    decoder: Decoder
    dedup: Dedup
    enricher: Enricher
    detection: Detection
    responder: Responder
    days: Days
    writer: Writer
    inbox: Inbox
    metrics: Metrics
    clock: Callable[[], int]
    fingerprint: str
    topic: str
    retention_us: int
    rerun: int = 0
    probe: Callable[[str], None] = field(default=lambda _name: None)
    watch: Callable[[Batch], None] = field(default=lambda _batch: None)
    beat: Callable[[], None] = field(default=lambda: None)
    facts: Callable[[int], list[Signal]] = field(default=lambda _now_us: [])
    audit_retention_us: int = 730 * DAY
    begun: Sequence[AuditLine] = ()
    begun_facts: Mapping[str, str] = field(default_factory=dict)
    carried: Sequence[Signal] = ()


class Pipeline:
    """Runs batches until it is told to stop. Everything here belongs to one thread, the one that writes."""

    def __init__(self, stages: Stages) -> None:
        self._s = stages
        self._stages: tuple[tuple[str, Callable[[Batch], None]], ...] = (
            ("decode", self._decode),
            ("dedup", self._dedup),
            ("enrich", self._enrich),
            ("observe", stages.responder.observe),
            ("detect", self._detect),
            ("respond", stages.responder.respond),
            ("commit", self._commit),
        )
        self._carried = list(stages.carried)
        self._kept = list(stages.carried)
        self._snapshot_us = stages.clock()
        self._swept_us = self._snapshot_us
        self._gauged_us = 0
        # A pipeline that dies young again and again must come to a snapshot all the same.
        self._events_since_snapshot = stages.rerun
        self._late = 0

    def run(self, stop: threading.Event) -> None:
        """Run until `stop` is set; the batch at hand is finished.

        Raises:
            StoreError: the transaction failed. Nothing of the batch is stored; a restart takes it up again.
        """
        self._s.writer.warm_up()
        self._s.enricher.warm_up()
        self._note_start()
        while not stop.is_set():
            self.turn(POLL_MS)
        self._final_snapshot()
        self._note_stop()

    def turn(self, timeout_ms: int) -> Batch:
        """Run one batch; one without records, commands or facts is not committed."""
        s = self._s
        s.beat()
        s.probe("before poll")
        records = s.source.poll(timeout_ms)
        submissions = s.inbox.take()
        batch = Batch(s.clock(), records, [submission.command for submission in submissions])
        s.probe("after poll")
        batch.signals.extend(s.facts(batch.arrival_us))
        self._note_gaps()
        if not self._is_idle(batch):
            for name, stage in self._stages:
                s.probe(f"before {name}")
                stage(batch)
                s.probe(f"after {name}")
            self._after_commit(batch, submissions)
        self._keep_house(batch)
        return batch

    def _is_idle(self, batch: Batch) -> bool:
        if batch.records or batch.commands or batch.signals or self._carried:
            return False
        if self._s.responder.is_due(batch.arrival_us):
            return False
        return not (self._s.detection.wants_tick(self._stream_us(batch)) or self._snapshot_is_due(batch.arrival_us))

    def _decode(self, batch: Batch) -> None:
        batch.events, batch.dead_letters = self._s.decoder.decode(batch.records, batch.arrival_us)

    def _dedup(self, batch: Batch) -> None:
        batch.events, conflicts, batch.duplicates = self._s.dedup.unique(batch.events)
        if conflicts:
            records = {(record.partition, record.offset): record for record in batch.records}
            batch.dead_letters.extend(
                dead_letter(records[event.partition, event.offset], batch.arrival_us, refused)
                for event, refused in conflicts
            )
        letters = self._s.dedup.unique_letters(batch.dead_letters)
        batch.duplicates += len(batch.dead_letters) - len(letters)
        batch.dead_letters = letters

    def _enrich(self, batch: Batch) -> None:
        self._s.enricher.enrich(batch.events)
        # What is in order need not run again; stored so, a re-run meets them in the same order.
        batch.events.sort(key=in_order)

    def _detect(self, batch: Batch) -> None:
        detection, stream_us = self._s.detection, self._stream_us(batch)
        batch.signals.extend(self._carried)
        if detection.wants_tick(stream_us):
            batch.signals.append(Signal(f"tick:{stream_us}", stream_us, "tick"))
        inform(detection.engine, batch.events, self._s.days)
        findings, batch.judged = judge(detection, batch.signals, batch.events)
        batch.changes = findings.changes
        batch.risks, batch.campaigns, batch.members = findings.risks, findings.campaigns, findings.members
        # Stored with the next batch: a replay must see them after the events that led to them.
        self._carried = findings.signals

    def _commit(self, batch: Batch) -> None:
        s, writer = self._s, self._s.writer
        with writer.transaction():
            writer.append_signals(batch.signals)
            for part in batch.judged:
                writer.append_events(part.events)
                writer.append_signals(part.flags)
            writer.append_dead_letters(batch.dead_letters)
            writer.save_alerts([change.alert for change in batch.changes], batch.arrival_us)
            writer.save_triage(batch.triage)
            writer.save_risks(batch.risks)
            writer.save_campaigns(batch.campaigns, batch.members)
            writer.save_revocations(batch.revocations)
            writer.save_step_ups(batch.step_ups)
            writer.save_facts(batch.facts)
            writer.enqueue(batch.messages)
            writer.settle(batch.settled_messages)
            writer.save_streams(batch.streams, batch.arrival_us)
            writer.append_received(batch.received)
            writer.append_audit(batch.audit)
            writer.erase_from_audit(batch.erasures, batch.arrival_us)
            signed = writer.checkpoint_audit(batch.arrival_us)
            writer.save_offsets(s.topic, s.source.topic_uuid, s.source.positions())
            writer.save_user_days(s.detection.engine.take_days())
            self._keep_carried(batch)
            self._snapshot(batch.arrival_us, len(batch.events))
            s.probe("inside commit")
        _tell(signed)

    def _after_commit(self, batch: Batch, submissions: list[Submission]) -> None:
        s = self._s
        s.responder.after_commit(batch)
        for place, submission in enumerate(submissions):
            submission.committed.set_result(batch.refusals.get(place, ""))
        if batch.records:
            s.source.commit_for_lag_tools(s.source.positions())
        self._count(batch)
        s.watch(batch)

    def _keep_carried(self, batch: Batch) -> None:
        self._carried += [*verdicts(batch.triage), *statements(batch.changes)]
        if self._carried != self._kept:
            self._s.writer.save_facts({carried.FACT: carried.write(self._carried)})
            self._kept = list(self._carried)

    def _snapshot_is_due(self, now_us: int) -> bool:
        changed = self._events_since_snapshot
        return changed > 0 and (changed >= SNAPSHOT_EVERY_EVENTS or now_us - self._snapshot_us >= SNAPSHOT_EVERY_US)

    def _snapshot(self, now_us: int, events: int, *, always: bool = False) -> None:
        self._events_since_snapshot += events
        if not (always or self._snapshot_is_due(now_us)):
            return
        s = self._s
        s.writer.append_snapshot(s.writer.last_seq, now_us, s.fingerprint, s.detection.take_rows())
        self._snapshot_us, self._events_since_snapshot = now_us, 0

    def _final_snapshot(self) -> None:
        if self._events_since_snapshot:
            with self._s.writer.transaction():
                self._s.writer.save_user_days(self._s.detection.engine.take_days())
                self._snapshot(self._s.clock(), 0, always=True)

    def _note_start(self) -> None:
        now_us, writer = self._s.clock(), self._s.writer
        with writer.transaction():
            writer.append_audit(self._s.begun)
            writer.save_facts(self._s.begun_facts)
            signed = writer.checkpoint_audit(now_us, always=True)
        _tell(signed)

    def _note_stop(self) -> None:
        now_us, writer = self._s.clock(), self._s.writer
        with writer.transaction():
            writer.append_audit([AuditLine(now_us, PIPELINE, "pipeline stopped", PIPELINE, "", "told to")])
            signed = writer.checkpoint_audit(now_us, always=True)
        _tell(signed)

    def _keep_house(self, batch: Batch) -> None:
        """What time alone asks for, also of an idle pipeline."""
        if batch.records or batch.arrival_us - self._gauged_us >= SECOND:
            self._gauged_us = batch.arrival_us
            self._gauge()
        if batch.arrival_us - self._swept_us >= SWEEP_EVERY_US:
            self._swept_us = batch.arrival_us
            self._sweep(batch)

    def _sweep(self, batch: Batch) -> None:
        self._s.detection.expire(self._stream_us(batch))
        with self._s.writer.transaction():
            # Before anybody asks for them: the users they belong to are no longer in memory.
            self._s.writer.save_user_days(self._s.detection.engine.take_days())
            signed = self._s.writer.checkpoint_audit(batch.arrival_us)
        _tell(signed)
        self._s.writer.retain(batch.arrival_us - self._s.retention_us)
        self._s.writer.retain_user_days(batch.arrival_us // DAY)
        self._s.writer.retain_audit(batch.arrival_us - self._s.audit_retention_us, batch.arrival_us)
        self._s.writer.compact_snapshots()

    def _stream_us(self, batch: Batch) -> int:
        """Stream time: of the partitions that are behind, else the clock; for settling and expiry alone."""
        behind_us = self._s.source.stream_time_us
        return batch.arrival_us if behind_us is None else behind_us

    def _note_gaps(self) -> None:
        for _ in self._s.source.take_gaps():
            self._s.metrics.gaps.inc()

    def _gauge(self) -> None:
        s, metrics = self._s, self._s.metrics
        metrics.rule_faults.set(s.detection.engine.faults.total)
        for kind, size in s.detection.engine.sizes().items():
            if kind == "evicted":
                metrics.keys_evicted.set(size)
            else:
                metrics.keys.labels(kind).set(size)
        for partition, lag in s.source.lag().items():
            metrics.lag.labels(str(partition)).set(lag)

    def _count(self, batch: Batch) -> None:
        s, metrics = self._s, self._s.metrics
        for event in batch.events:
            metrics.events.labels(s.decoder.apps.label(event.app), event.type).inc()
        for letter in batch.dead_letters:
            metrics.dead_letters.labels(letter.reason).inc()
        for change in batch.changes:
            metrics.alerts.labels(change.alert.rule_id, change.alert.severity, change.kind).inc()
        for revocation in batch.revocations:
            metrics.revocations.labels(revocation.state).inc()
        for rule_id in batch.rule_errors:
            metrics.rule_errors.labels(rule_id).inc()
        metrics.duplicates.inc(batch.duplicates)
        metrics.late.inc(s.detection.engine.late - self._late)
        self._late = s.detection.engine.late
        now_us = s.clock()
        metrics.batch_seconds.observe((now_us - batch.arrival_us) / SECOND)
        if batch.events:
            newest_us = max(event.time_us for event in batch.events)
            metrics.event_age_seconds.observe(max(0, now_us - newest_us) / SECOND)


def _tell(signed: Head | None) -> None:
    """Have the log name the head of the audit log: by it a cut tail is seen, whoever may write the store."""
    if signed is not None:
        log.info("audit checkpoint", head=str(signed))
