"""On-call escalation by time: an alert that nobody answers goes to the next people."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

import msgspec

from ingest.batch import Batch
from response.notices import Notices
from schemas.alert import Alert, AlertChange, Severity
from schemas.instant import DAY
from store.rows import AlertRecord, OutboxMessage

SEVERITIES = frozenset({Severity.CRITICAL, Severity.HIGH})


class OnCallStep(msgspec.Struct, frozen=True):
    """Whom to tell when nobody has answered.

    Attributes:
        after_us: since the alert was raised, microseconds.
        chats: their names.
        severities: of which alerts.
    """

    after_us: int
    chats: frozenset[str]
    severities: frozenset[Severity] = SEVERITIES


class AnswerRecords(Protocol):
    """What is asked of the store, in the batch loop's thread."""

    def alert_record(self, alert_id: str) -> AlertRecord | None:
        """Return an alert and what people made of it."""

    def unanswered_alerts(self, since_us: int, severities: Collection[Severity]) -> list[AlertRecord]:
        """Return the alerts stored since an instant, microseconds since the epoch, that nobody has answered."""


class _Waiting(msgspec.Struct):
    alert: Alert
    since_us: int
    steps: list[int]


class OnCall:
    """Waits for people on the pipeline's clock, and tells the next ones, each once.

    Args:
        steps: any order.
        notices: makes the messages; their ids follow from alert and step, so that a restart tells nobody twice.
        records: the store.
    """

    def __init__(self, steps: Sequence[OnCallStep], notices: Notices, records: AnswerRecords) -> None:
        self._steps = sorted(steps, key=lambda step: step.after_us)
        self._notices = notices
        self._records = records
        self._waiting: dict[str, _Waiting] = {}
        self._due_us: int | None = None

    def restore(self, now_us: int, is_told: Callable[[Alert], bool]) -> None:
        """Wait for those that an earlier run has told of; what was told before its end is left out by its id.

        Args:
            now_us: the pipeline's clock, microseconds since the epoch.
            is_told: whether people are told of an alert at all.
        """
        if not self._steps:
            return
        # A day more: what fell due while nothing ran is told now.
        since_us = now_us - self._steps[-1].after_us - DAY
        severities = frozenset().union(*(step.severities for step in self._steps))
        for record in self._records.unanswered_alerts(since_us, severities):
            if record.alert.mode != "shadow" and is_told(record.alert):
                self._wait(record.alert, record.stored_us)

    def note(self, change: AlertChange, now_us: int) -> None:
        """Begin to wait for an alert that people were told of, or that has become worse.

        Args:
            change: of the alert.
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        known = self._waiting.get(change.alert.alert_id)
        if change.kind == "withdrawn":
            self._waiting.pop(change.alert.alert_id, None)
            self._schedule()
        elif known is None:
            self._wait(change.alert, now_us)
        elif known.alert.severity != change.alert.severity:
            self._wait(change.alert, known.since_us)

    def is_due(self, now_us: int) -> bool:
        """Return whether somebody is to be told."""
        return self._due_us is not None and self._due_us <= now_us

    def messages(self, batch: Batch) -> list[OutboxMessage]:
        """Return what the next people are told of alerts that nobody has answered."""
        if not self.is_due(batch.arrival_us):
            return []
        made = []
        for waiting in list(self._waiting.values()):
            due = [n for n in waiting.steps if self._due(waiting, n) <= batch.arrival_us]
            if due and not self._is_answered(batch, waiting.alert.alert_id):
                for number in due:
                    step = self._steps[number]
                    made += self._notices.of_on_call(
                        waiting.alert, step.chats, batch.arrival_us - waiting.since_us, number, batch.arrival_us
                    )
            # Answered, its later steps stay: an answer may be taken back.
            waiting.steps = [n for n in waiting.steps if n not in due]
            if not waiting.steps:
                del self._waiting[waiting.alert.alert_id]
        self._schedule()
        return made

    def _wait(self, alert: Alert, since_us: int) -> None:
        steps = [number for number, step in enumerate(self._steps) if alert.severity in step.severities]
        if steps:
            waiting = self._waiting[alert.alert_id] = _Waiting(alert, since_us, steps)
            first_us = self._due(waiting, steps[0])
            self._due_us = first_us if self._due_us is None else min(self._due_us, first_us)

    def _due(self, waiting: _Waiting, number: int) -> int:
        return waiting.since_us + self._steps[number].after_us

    def _is_answered(self, batch: Batch, alert_id: str) -> bool:
        rows = [row for row in batch.triage if row.alert_id == alert_id]
        if rows:
            return rows[-1].status is not None
        record = self._records.alert_record(alert_id)
        return record is not None and (record.triage.status is not None or record.alert.status == "withdrawn")

    def _schedule(self) -> None:
        self._due_us = min(self._dues(), default=None)

    def _dues(self) -> Iterable[int]:
        return (self._due(waiting, waiting.steps[0]) for waiting in self._waiting.values())
