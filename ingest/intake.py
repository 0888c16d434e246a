"""Between the thread that fetches and the loop that works: bounded, aligned, with a bell."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.alignment import Alignment
from ingest.connection import SourceError
from ingest.record import Gap, Record

# A partition whose buffer is over its bound is asked again once it is down to this share.
_ROOM = 0.5


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one fetch brought of one partition.

    Attributes:
        partition: its number.
        items: event time in microseconds since the epoch (None = unreadable) and record, or a gap.
        at_end: whether that was all there is for now.
        highwater: the offset that the partition's next record will get; None while unknown.
    """

    partition: int
    items: Sequence[tuple[int | None, Record | Gap]]
    at_end: bool
    highwater: int | None


class Intake:
    """Holds fetched records until they are due. One thread puts, one takes; anybody may wake the taker.

    Args:
        ahead_us: how far a partition may run ahead of the slowest, microseconds of event time.
        max_records: a partition that holds more is full.
        max_bytes: what all partitions together may hold; one that exceeds its share is full.
    """

    def __init__(self, ahead_us: int, max_records: int, max_bytes: int) -> None:
        self._alignment: Alignment[Record | Gap] = Alignment(ahead_us)
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._changed = threading.Condition()
        self._bytes: dict[int, int] = {}
        self._highwaters: dict[int, int] = {}
        self._full: set[int] = set()
        self._woken = False
        self._failure: SourceError | None = None

    def put(self, chunks: Sequence[Chunk]) -> None:
        """Add what a fetch brought, all partitions at once, so that none is judged by half a fetch."""
        with self._changed:
            now = time.monotonic()
            for chunk in chunks:
                self._alignment.add(chunk.partition, chunk.items, at_end=chunk.at_end, now=now)
                if chunk.highwater is not None:
                    self._highwaters[chunk.partition] = chunk.highwater
                size = sum(item.size for _, item in chunk.items if isinstance(item, Record))
                self._bytes[chunk.partition] = self._bytes.get(chunk.partition, 0) + size
                self._judge_room(chunk.partition)
            self._changed.notify_all()

    def take(self, limit: int, timeout_s: float) -> list[Record | Gap]:
        """Return what is due, at most `limit`; wait for it at most `timeout_s` seconds, or until woken.

        Raises:
            SourceError: the fetching thread has ended, and all it had brought has been taken.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                now = time.monotonic()
                taken = self._alignment.take(limit, now)
                if not taken and self._failure is not None:
                    raise self._failure
                if taken or self._woken or now >= deadline:
                    self._woken = False
                    self._release(taken)
                    return taken
                self._changed.wait(deadline - now)

    def wake(self) -> None:
        """Make a waiting `take`, or else the next one, return at once."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def fail(self, failure: SourceError) -> None:
        """Say that nothing more will be put, and why."""
        with self._changed:
            self._failure = failure
            self._changed.notify_all()

    def full(self) -> set[int]:
        """Return the partitions that should not be fetched for now."""
        with self._changed:
            return set(self._full)

    def wait_for_room(self, timeout_s: float) -> None:
        """Wait until a full partition has room, at most `timeout_s` seconds."""
        with self._changed:
            full = set(self._full)
            self._changed.wait_for(lambda: self._full != full, timeout_s)

    def highwaters(self) -> dict[int, int]:
        """Return by partition the offset that its next record will get, as far as known."""
        with self._changed:
            return dict(self._highwaters)

    def stream_time_us(self) -> int | None:
        """Return the stream time, as `Alignment.stream_time_us` defines it."""
        with self._changed:
            return self._alignment.stream_time_us(time.monotonic())

    def _release(self, taken: Sequence[Record | Gap]) -> None:
        for item in taken:
            if isinstance(item, Record):
                self._bytes[item.partition] -= item.size
        before = set(self._full)
        for partition in before:
            self._judge_room(partition)
        if self._full != before:
            self._changed.notify_all()

    def _judge_room(self, partition: int) -> None:
        share = self._max_bytes / len(self._bytes)
        fill = max(self._alignment.held(partition) / self._max_records, self._bytes[partition] / share)
        if fill > 1:
            self._full.add(partition)
        elif fill <= _ROOM:
            self._full.discard(partition)
