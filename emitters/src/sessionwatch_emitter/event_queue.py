"""The bounded queue between the app's requests and the broker.

It is unsynchronised: whoever shares it brings the lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import IntEnum

from sessionwatch_emitter.event import Record


class Priority(IntEnum):
    """What is given up first when the queue is full: the lowest."""

    REQUEST = 0
    FAIL = 1
    OTHER = 2


class Queued:
    """A record on its way.

    Attributes:
        number: its place in the order of arrival.
        priority: what it gives way to.
        record: what is sent.
        suspect: it was among records that the broker refused, and is sent alone to see whether it is the one.
        attempts: how often it was refused alone.
    """

    __slots__ = ("attempts", "number", "priority", "record", "suspect")

    def __init__(self, number: int, priority: Priority, record: Record) -> None:
        self.number = number
        self.priority = priority
        self.record = record
        self.suspect = False
        self.attempts = 0


class EventQueue:
    """First in, first out; when full, the oldest of the lowest priority gives way.

    So the oldest `validate(request)` go first; a new one finds no place when only others are queued; and
    when there is none, the oldest `fail` goes, and only then the oldest of the rest.

    Args:
        size: how many records it holds, at least 1.
    """

    def __init__(self, size: int) -> None:
        self._size = max(1, size)
        self._lanes: dict[Priority, deque[Queued]] = {priority: deque() for priority in Priority}
        self._number = 0
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, priority: Priority, record: Record) -> Priority | None:
        """Add a record; return the priority of the one that had to give way, or None."""
        self._number += 1
        self._lanes[priority].append(Queued(self._number, priority, record))
        self._length += 1
        return self._shrink()

    def put_back(self, returned: Iterable[Queued]) -> list[Priority]:
        """Add records again, at their old places; return the priorities of those that gave way."""
        dropped = []
        for queued in sorted(returned, key=lambda queued: -queued.number):
            self._lanes[queued.priority].appendleft(queued)
            self._length += 1
            gave_way = self._shrink()
            if gave_way is not None:
                dropped.append(gave_way)
        return dropped

    def take(self, limit: int) -> list[Queued]:
        """Remove and return up to `limit` records, the oldest first; a suspect one comes alone."""
        taken: list[Queued] = []
        while len(taken) < limit and (lane := self._oldest_lane()):
            if taken and lane[0].suspect:
                break
            taken.append(lane.popleft())
            self._length -= 1
            if taken[-1].suspect:
                break
        return taken

    def first(self) -> Queued | None:
        """Return the oldest record, and leave it there."""
        lane = self._oldest_lane()
        return lane[0] if lane else None

    def _oldest_lane(self) -> deque[Queued] | None:
        return min((lane for lane in self._lanes.values() if lane), key=lambda lane: lane[0].number, default=None)

    def _shrink(self) -> Priority | None:
        if self._length <= self._size:
            return None
        priority = next(priority for priority, lane in self._lanes.items() if lane)
        self._lanes[priority].popleft()
        self._length -= 1
        return priority
