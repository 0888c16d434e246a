"""Facts of the pipeline's own that belong into the audit log: lists that have changed, rules that were switched off."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.batch import Batch
from schemas.signal import Signal
from store.rows import PIPELINE, AuditLine

LIST_CHANGED = "list changed"
RULE_OFF = "rule switched off"


def audit_facts(batch: Batch) -> None:
    """Write an audit line for each such signal of a batch."""
    batch.audit.extend(_lines(batch.signals, batch.arrival_us))


def _lines(signals: list[Signal], at_us: int) -> Iterator[AuditLine]:
    for signal in signals:
        if signal.kind == "list_changed":
            why = "its file holds something else" if "content" in signal.payload else "it is gone"
            yield AuditLine(at_us, PIPELINE, LIST_CHANGED, str(signal.payload.get("name", "")), "", why)
        elif signal.kind == "rule_switched_off":
            why = "it failed again and again"
            details = {"rule_version": int(signal.payload.get("rule_version", 0))}
            yield AuditLine(at_us, PIPELINE, RULE_OFF, str(signal.payload.get("rule_id", "")), "", why, dict(details))
