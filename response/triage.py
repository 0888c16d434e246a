"""What people make of an alert: whose it is, what it turned out to be, and taking that back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from ingest.batch import Batch
from response.commands import Triage, UndoTriage
from store.rows import ACT_REFUSED, AlertRecord, AuditLine, TriageRow

TRIAGED = "alert triaged"
UNDONE = "triage undone"
NO_SUCH_ALERT = "there is no such alert"

_KEPT = ("status", "verdict", "owner", "note")
"""What a triage changes, and what taking it back brings back."""


class AlertRecords(Protocol):
    """What is asked of the store, in the batch loop's thread."""

    def alert_record(self, alert_id: str) -> AlertRecord | None:
        """Return an alert and its triage."""

    def acts(self, subjects: Iterable[str]) -> list[AuditLine]:
        """Return the audit lines about alerts, the oldest first."""


class TriageDesk:
    """Applies people's decisions about alerts. Each is an audit line that remembers what was before.

    Args:
        records: the store.
    """

    def __init__(self, records: AlertRecords) -> None:
        self._records = records

    def decide(self, batch: Batch, command: Triage) -> str:
        """Write a decision down; return why not, or an empty text."""
        before = self.standing(batch, command.alert_id)
        if before is None:
            return NO_SUCH_ALERT
        after = _decided(before, command)
        if after.verdict == "false_alarm" != before.verdict:
            record = self._records.alert_record(command.alert_id)
            batch.rule_errors += [record.alert.rule_id] if record is not None else []
        batch.triage.append(msgspec.structs.replace(after, by=command.by, at_us=batch.arrival_us))
        details: dict[str, str | int] = {name: getattr(before, name) or "" for name in _KEPT}
        self._audit(batch, TRIAGED, before, command.by, _in_words(command), details)
        return ""

    def undo(self, batch: Batch, command: UndoTriage) -> str:
        """Take back the last decision, if it was this person's own; return why not, or an empty text."""
        standing = self.standing(batch, command.alert_id)
        if standing is None:
            return NO_SUCH_ALERT
        stored = self._records.acts([command.alert_id])
        last = last_triage([*stored, *(line for line in batch.audit if line.subject == command.alert_id)])
        refused = ""
        if last is None or last.act != TRIAGED:
            refused = "there is nothing to take back"
        elif last.actor != command.by:
            refused = "the last decision is somebody else's"
        if last is None or refused:
            self._audit(batch, ACT_REFUSED, standing, command.by, refused, {})
            return refused
        before = {name: str(last.details.get(name, "")) for name in _KEPT}
        row = TriageRow(
            alert_id=standing.alert_id,
            app=standing.app,
            status=before["status"] or None,  # type: ignore[arg-type]  # written by `decide` from such a row
            verdict=before["verdict"] or None,  # type: ignore[arg-type]
            owner=before["owner"] or None,
            note=before["note"],
            by=command.by,
            at_us=batch.arrival_us,
        )
        batch.triage.append(row)
        self._audit(batch, UNDONE, standing, command.by, f"took back: {last.why}", {})
        return ""

    def standing(self, batch: Batch, alert_id: str) -> TriageRow | None:
        """Return how an alert stands, decisions of this batch included."""
        for row in reversed(batch.triage):
            if row.alert_id == alert_id:
                return row
        record = self._records.alert_record(alert_id)
        return None if record is None else record.triage

    @staticmethod
    def _audit(batch: Batch, act: str, row: TriageRow, actor: str, why: str, details: dict[str, str | int]) -> None:
        batch.audit.append(AuditLine(batch.arrival_us, actor, act, row.alert_id, row.app, why, details))


def last_triage(lines: list[AuditLine]) -> AuditLine | None:
    """Return the last line that says what a person made of an alert, or took back."""
    return next((line for line in reversed(lines) if line.act in (TRIAGED, UNDONE)), None)


def _decided(before: TriageRow, command: Triage) -> TriageRow:
    status, owner, verdict = before.status, before.owner, before.verdict
    if command.assign == "take":
        owner = command.by
    elif command.assign == "give_back":
        owner = None
    if command.verdict is not None:
        # Deciding is owning: nobody else need look at it.
        verdict, status, owner = command.verdict, "resolved", owner or command.by
    elif command.status is not None:
        status = None if command.status == "new" else command.status
        if status != "resolved":
            verdict = None
        if status is not None and not command.anonymous:
            owner = owner or command.by
    elif command.assign == "take" and status is None:
        status = "acknowledged"
    note = before.note if command.note is None else command.note
    return msgspec.structs.replace(before, status=status, owner=owner, verdict=verdict, note=note)


def _in_words(command: Triage) -> str:
    said = [
        command.verdict and f"verdict {command.verdict}",
        command.status and f"status {command.status}",
        command.assign and ("taken" if command.assign == "take" else "given back"),
        command.note is not None and f"note: {command.note}",
        command.way,
    ]
    return ", ".join(part for part in said if part)
