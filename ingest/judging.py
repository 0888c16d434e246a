"""The detect step over a batch: day by day, and what each day's alerts say of its sessions is known before the next.

A user's day becomes ordinary when an event of a later one is judged. A batch that holds the end of a day, and what
came after it, would else teach what its own alerts speak against.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from detectors.findings.stage import Detected, Detection
from ingest.flags import flags
from schemas.alert import AlertChange
from schemas.event import Event
from schemas.instant import DAY
from schemas.signal import Signal

ItemT = TypeVar("ItemT", bound=Event | Signal)
ChangeKind = Literal["raised", "escalated", "updated", "withdrawn"]


@dataclass(slots=True)
class Judged:
    """Events that were judged together, and the signals that followed from them: stored behind them."""

    events: list[Event]
    flags: list[Signal] = field(default_factory=list)


def judge(detection: Detection, signals: Sequence[Signal], events: Sequence[Event]) -> tuple[Detected, list[Judged]]:
    """Judge a batch.

    Args:
        detection: what judges.
        signals: of the batch; they come before its events.
        events: sorted by time.

    Returns:
        what it led to, each alert once; and its events in the parts in which a re-run must meet them.
    """
    judged, found = [], Detected()
    told: list[Signal] = list(signals)
    for part in list(by_day(events)) or [[]]:
        detected = detection.process([*told, *part])
        told = []
        one = Judged(part, flags(detected.changes))
        detection.process(one.flags)
        judged.append(one)
        found.signals += detected.signals
        found.changes += detected.changes
        found.risks += detected.risks
        found.campaigns += detected.campaigns
        found.members += detected.members
    if len(judged) > 1:
        found.changes = _once(found.changes)
    return found, judged


def by_day(items: Iterable[ItemT], most: int | None = None) -> Iterator[list[ItemT]]:
    """Yield items in parts, each of which ends where an event of a later day (UTC) than any before begins.

    Args:
        items: in the order in which they are judged.
        most: items in a part; None = as many as the day has.
    """
    part: list[ItemT] = []
    next_day_us = 0
    for item in items:
        if item.time_us >= next_day_us and isinstance(item, Event):
            if part and next_day_us:
                yield part
                part = []
            next_day_us = (item.time_us // DAY + 1) * DAY
        part.append(item)
        if len(part) == most:
            yield part
            part = []
    if part:
        yield part


def _once(changes: Iterable[AlertChange]) -> list[AlertChange]:
    """Return each alert as it is in the end, and how that differs from what those outside know of it."""
    last: dict[str, AlertChange] = {}
    for change in changes:
        identity = change.alert.alert_id
        before = last.pop(identity, None)
        kind = change.kind if before is None else _since(before, change)
        if kind is not None:
            last[identity] = AlertChange(kind, change.alert)
    return list(last.values())


def _since(before: AlertChange, change: AlertChange) -> ChangeKind | None:
    if change.kind == "withdrawn":
        # Nobody has heard of it.
        return None if before.kind == "raised" else "withdrawn"
    if before.kind == "withdrawn":
        return "escalated" if change.alert.severity.rank > before.alert.severity.rank else "updated"
    return before.kind if before.kind in ("raised", "escalated") else change.kind
