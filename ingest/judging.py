"""The detect step over a batch: day by day, and what each day's alerts say of its sessions is known before the next.

A user's day becomes ordinary when an event of a later one is judged. A batch that holds the end of a day, and what
came after it, would else teach what its own alerts speak against.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from detectors.changes import once
from detectors.findings.stage import Detected, Detection
from ingest.flags import flags
from schemas.event import Event
from schemas.instant import DAY
from schemas.signal import Signal

ItemT = TypeVar("ItemT", bound=Event | Signal)


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
        found.changes = once(found.changes)
    return found, judged


def by_day(items: Iterable[ItemT], most: int | None = None) -> Iterator[list[ItemT]]:
    """Yield items in parts, each of which ends where an event of a later day (UTC) than any before begins.

    It also ends before what a person said: the alert that was spoken of must stand by then.

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
        elif _is_verdict(item) and part and not _is_verdict(part[-1]):
            yield part
            part = []
        part.append(item)
        if len(part) == most:
            yield part
            part = []
    if part:
        yield part


def _is_verdict(item: Event | Signal) -> bool:
    return isinstance(item, Signal) and item.kind == "verdict"
