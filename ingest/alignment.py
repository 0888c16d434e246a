"""Partitions read side by side: their heads merged by event time, those ahead held back (decision 4)."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

# A partition that is known to have more but gives nothing for this long (its leader is down, a transaction
# is open) no longer holds up the others: late events are still judged, a standing pipeline judges none.
_STALL_S = 5.0
# How many neighbours on each side decide whether a time is believed: an event dated a day ahead would
# otherwise hold its whole partition back until every other one has reached its end.
_NEIGHBOURS = 2


@dataclass(slots=True)
class _Lane(Generic[T]):
    """What is known of one partition."""

    empty_since: float
    entries: deque[tuple[int, T]] = field(default_factory=deque)
    before: deque[int] = field(default_factory=lambda: deque(maxlen=_NEIGHBOURS))
    last_us: int = 0
    newest_us: int | None = None
    at_end: bool = False

    def head_us(self) -> int:
        """Return the time at which the first entry is due: its own, unless its neighbours are all older."""
        entries = self.entries
        own = entries[0][0]
        ahead = [entries[index][0] for index in range(1, min(len(entries), _NEIGHBOURS + 1))]
        if not ahead or own <= min(ahead):
            return own
        before = list(self.before)[-len(ahead) :]
        # As many on both sides, so that in a partition in order each entry is due at its own time.
        window = sorted([*before, own, *ahead[: len(before) or None]])
        return min(own, window[len(window) // 2])


class Alignment(Generic[T]):
    """Merges partitions by event time; the order inside a partition is never changed.

    An item is given out only when no partition that has more to come can be more than `ahead_us` behind it.
    Partitions that are at their end hold up nobody, so that live items leave at once.

    Args:
        ahead_us: how far, in microseconds of event time, one partition may run ahead of the slowest.
    """

    def __init__(self, ahead_us: int) -> None:
        self._ahead_us = ahead_us
        self._lanes: dict[int, _Lane[T]] = {}

    def add(self, partition: int, items: Iterable[tuple[int | None, T]], *, at_end: bool, now: float) -> None:
        """Append what a partition brought.

        Args:
            partition: its number.
            items: event time in microseconds since the epoch, and item; None = as the one before.
            at_end: whether this was all the partition has for now.
            now: a monotonic clock, in seconds.
        """
        lane = self._lanes.get(partition)
        if lane is None:
            lane = self._lanes[partition] = _Lane(empty_since=now)
        for time_us, item in items:
            if time_us is not None:
                lane.last_us = time_us
            lane.entries.append((lane.last_us, item))
        if lane.at_end and not at_end:
            lane.empty_since = now
        lane.at_end = at_end

    def take(self, limit: int, now: float) -> list[T]:
        """Return the items that are due, merged, at most `limit`."""
        heads = [(lane.head_us(), partition) for partition, lane in self._lanes.items() if lane.entries]
        heapq.heapify(heads)
        bound = self._bound(now)
        taken: list[T] = []
        while heads and len(taken) < limit and heads[0][0] <= bound:
            due_us, partition = heads[0]
            lane = self._lanes[partition]
            time_us, item = lane.entries.popleft()
            lane.before.append(time_us)
            if lane.newest_us is None or due_us > lane.newest_us:
                lane.newest_us = due_us
            taken.append(item)
            if lane.entries:
                heapq.heapreplace(heads, (lane.head_us(), partition))
                continue
            heapq.heappop(heads)
            if not lane.at_end:
                lane.empty_since = now
                bound = min(bound, lane.newest_us + self._ahead_us)
        return taken

    def stream_time_us(self, now: float) -> int | None:
        """Return the least of the newest times given out by the partitions that are not at their end.

        Returns:
            Microseconds since the epoch; 0 while such a partition has given nothing; None when all are at
            their end, and the clock on the wall is the best there is.
        """
        behind = [lane for lane in self._lanes.values() if lane.entries or self._holds_up(lane, now)]
        return min((lane.newest_us or 0 for lane in behind), default=None)

    def held(self, partition: int) -> int:
        """Return how many items of a partition wait."""
        lane = self._lanes.get(partition)
        return len(lane.entries) if lane else 0

    def _bound(self, now: float) -> float:
        waiting = [lane for lane in self._lanes.values() if not lane.entries and self._holds_up(lane, now)]
        return min(
            (-math.inf if lane.newest_us is None else lane.newest_us + self._ahead_us for lane in waiting),
            default=math.inf,
        )

    @staticmethod
    def _holds_up(lane: _Lane[T], now: float) -> bool:
        return not lane.at_end and now - lane.empty_since < _STALL_S
