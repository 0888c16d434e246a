"""The feed: every change of an alert, as messages for the destinations that want to hear of it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from ingest.batch import Batch
from response.links import NO_LINKS, Links
from response.siem.destination import Destination
from response.siem.documents import encode
from response.siem.finding import FINDING_NAMESPACE, Activity, Analytic, Finding
from schemas.alert import Alert, AlertChange
from schemas.instant import MINUTE
from store.rows import AlertRecord, OutboxMessage, TriageRow

SIEM_KIND = "siem.alert"

PAUSE_US = MINUTE
"""Between two reports of further hits of one alert: an attack of an hour is sixty reports, not a hundred thousand."""

MAX_WAITING = 1_000
"""Alerts whose last hits wait for the end of their pause; of more, each is told at once."""

_WAITING_FACT = "siem.waiting"


class FeedRecords(Protocol):
    """What is asked of the store, in the batch loop's thread."""

    def alert_record(self, alert_id: str) -> AlertRecord | None:
        """Return an alert and its triage."""

    def fact(self, name: str) -> str | None:
        """Return a fact that the pipeline has stored about itself."""


class SiemFeed:
    """Makes the messages. What is new about an alert is told at once, further hits of it at most once a minute:
    the last of them always, over a restart too.

    Args:
        destinations: all of them.
        records: the store.
        analytics: what is known of rules, by id.
        links: into the console.
    """

    def __init__(
        self,
        destinations: Sequence[Destination],
        records: FeedRecords,
        analytics: Mapping[str, Analytic],
        links: Links = NO_LINKS,
    ) -> None:
        self._destinations = tuple(destinations)
        self._records = records
        self._analytics = analytics
        self._links = links
        # When each alert was told last, the latest last; and when those are due that have changed since.
        self._told: dict[str, int] = {}
        self._waiting: dict[str, int] = {}
        self._next_us: int | None = None

    def restore(self) -> None:
        """Take up what an earlier run has not told yet: it is due."""
        if not self._destinations:
            return
        self._waiting = dict.fromkeys(json.loads(self._records.fact(_WAITING_FACT) or "[]"), 0)
        self._next_us = 0 if self._waiting else None

    def is_due(self, now_us: int) -> bool:
        """Return whether further hits are to be told by now.

        Args:
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        return self._next_us is not None and self._next_us <= now_us

    def report(self, batch: Batch) -> None:
        """Add the messages of a batch that is decided, and note what has to wait."""
        if not self._destinations:
            return
        before = list(self._waiting)
        for finding in self._findings(batch):
            batch.messages += self._messages(finding)
        if before != list(self._waiting):
            batch.facts[_WAITING_FACT] = json.dumps(list(self._waiting))
        self._next_us = min(self._waiting.values(), default=None)
        self._forget(batch.arrival_us)

    def _findings(self, batch: Batch) -> Iterable[Finding]:
        triage = {row.alert_id: row for row in batch.triage}
        changes = _by_alert(batch.changes)
        for alert_id, (activity, alert, prompt) in changes.items():
            if not any(one.wants(alert) for one in self._destinations):
                continue
            if prompt or alert_id in triage or not self._puts_off(alert_id, batch.arrival_us):
                row = triage.get(alert_id) or (None if activity == "created" else self._triage_of(alert_id))
                yield self._finding(alert, activity, batch.arrival_us, row)
        for alert_id, row in triage.items():
            if alert_id not in changes:
                record = self._records.alert_record(alert_id)
                if record is not None:
                    yield self._finding(record.alert, _triaged(row), batch.arrival_us, row)
        for alert_id in [one for one, due_us in self._waiting.items() if due_us <= batch.arrival_us]:
            record = self._records.alert_record(alert_id)
            if record is None:
                del self._waiting[alert_id]
            else:
                yield self._finding(record.alert, "updated", batch.arrival_us, record.triage)

    def _puts_off(self, alert_id: str, now_us: int) -> bool:
        """Return whether further hits of an alert are left for later."""
        told_us = self._told.get(alert_id)
        if told_us is None or now_us >= told_us + PAUSE_US:
            return False
        if alert_id not in self._waiting and len(self._waiting) >= MAX_WAITING:
            return False
        self._waiting[alert_id] = told_us + PAUSE_US
        return True

    def _finding(self, alert: Alert, activity: Activity, now_us: int, triage: TriageRow | None) -> Finding:
        self._waiting.pop(alert.alert_id, None)
        self._told.pop(alert.alert_id, None)
        self._told[alert.alert_id] = now_us
        analytic = self._analytics.get(alert.rule_id) or Analytic(alert.rule_id.replace("-", " ").capitalize())
        return Finding(alert, activity, now_us, analytic, triage, self._links.of_alert(alert))

    def _triage_of(self, alert_id: str) -> TriageRow | None:
        record = self._records.alert_record(alert_id)
        return None if record is None else record.triage

    def _messages(self, finding: Finding) -> list[OutboxMessage]:
        return [
            OutboxMessage(
                message_id=str(uuid.uuid5(FINDING_NAMESPACE, f"{finding.uid}:{one.lane}")),
                lane=one.lane,
                kind=SIEM_KIND,
                ordering_key=finding.alert.alert_id,
                subject=finding.alert.alert_id,
                payload=encode(finding, one.form, one.max_bytes),
                created_us=finding.at_us,
            )
            for one in self._destinations
            if one.wants(finding.alert)
        ]

    def _forget(self, now_us: int) -> None:
        """Let go of alerts that were told so long ago that their next hit is told at once."""
        while self._told:
            oldest = next(iter(self._told))
            if self._told[oldest] + PAUSE_US > now_us:
                return
            del self._told[oldest]


def _by_alert(changes: Iterable[AlertChange]) -> dict[str, tuple[Activity, Alert, bool]]:
    """Return what a batch has done to each alert in the end, the alert, and whether that is more than further hits."""
    done: dict[str, tuple[Activity, Alert, bool]] = {}
    for change in changes:
        alert_id = change.alert.alert_id
        if change.kind == "withdrawn":
            activity: Activity = "closed"
        elif change.kind == "raised" or (alert_id in done and done[alert_id][0] == "created"):
            activity = "created"
        else:
            activity = "updated"
        prompt = change.kind != "updated" or (alert_id in done and done[alert_id][2])
        done[alert_id] = (activity, change.alert, prompt)
    return done


def _triaged(row: TriageRow) -> Activity:
    return "closed" if row.status == "resolved" else "updated"
