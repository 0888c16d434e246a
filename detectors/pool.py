"""The keys in memory: two pools with bounds of their own.

Keys made by authenticated events are never evicted for keys made by failures (decision 20): otherwise a flood
of invented session ids would push the victim's session out of sight.

A key that has been quiet for long sleeps: it is held as the bytes that a snapshot would hold, a fraction of its size
as objects, and wakes when somebody asks for it.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterator

from detectors.timeline import Timeline

Wake = Callable[[str, bytes], Timeline]
"""Makes a timeline of a key and what was written of it."""

_TIME_BYTES = 8


class Pool:
    """Timelines by key, least recently touched first.

    Args:
        trusted_bound: most keys made by authenticated events.
        untrusted_bound: most keys made by failures alone.
        wake: for the keys that sleep.
    """

    def __init__(self, trusted_bound: int, untrusted_bound: int, wake: Wake) -> None:
        self.evicted = 0
        self._bounds = {True: trusted_bound, False: untrusted_bound}
        self._trusted: OrderedDict[str, Timeline | bytes] = OrderedDict()
        self._untrusted: OrderedDict[str, Timeline | bytes] = OrderedDict()
        self._wake = wake

    def __len__(self) -> int:
        return len(self._trusted) + len(self._untrusted)

    def get(self, key: str) -> Timeline | None:
        """Return a key's timeline, or None."""
        held = self._trusted.get(key) or self._untrusted.get(key)
        if isinstance(held, bytes):
            return self._woken(key, held)
        return held

    def touch(self, key: str, timeline: Timeline, *, trusted: bool) -> list[tuple[str, Timeline]]:
        """Put a timeline at the fresh end; one authenticated event makes its key trusted for good.

        Returns:
            the keys that had to go because a bound was reached, with their timelines.
        """
        try:
            # Most keys are there already, and are looked up once so.
            self._trusted.move_to_end(key)
        except KeyError:
            return self._put(key, timeline, trusted=trusted)
        return []

    def put_asleep(self, key: str, since_us: int, content: bytes) -> list[tuple[str, Timeline]]:
        """Put a trusted key that is nowhere yet at the fresh end, asleep.

        Args:
            key: of which nothing is known yet.
            since_us: time of its newest event, microseconds.
            content: what is held of it.

        Returns:
            as `touch`.
        """
        return self._put(key, _asleep(since_us, content), trusted=True)

    def _put(self, key: str, held: Timeline | bytes, *, trusted: bool) -> list[tuple[str, Timeline]]:
        if trusted:
            self._untrusted.pop(key, None)
            if isinstance(held, Timeline):
                held.trusted = True
        pool = self._trusted if trusted else self._untrusted
        pool[key] = held
        pool.move_to_end(key)
        gone = []
        while len(pool) > self._bounds[trusted]:
            evicted, oldest = pool.popitem(last=False)
            gone.append((evicted, self._awake(evicted, oldest)))
        self.evicted += len(gone)
        return gone

    def pop(self, key: str) -> Timeline | None:
        """Take a timeline out."""
        held = self._trusted.pop(key, None) or self._untrusted.pop(key, None)
        return None if held is None else self._awake(key, held)

    def sleep(self, key: str, since_us: int, write: Callable[[Timeline], bytes | None]) -> None:
        """Let a trusted key sleep, if it was not heard of since.

        Args:
            key: any, also one that has gone.
            since_us: time of its newest event, as far as the caller knows, microseconds.
            write: returns what is to be held of a timeline; None = it must stay awake.
        """
        held = self._trusted.get(key)
        if held is None or isinstance(held, bytes) or held.newest_us != since_us:
            return
        content = write(held)
        if content is not None:
            self._trusted[key] = _asleep(since_us, content)

    def oldest(self) -> Iterator[tuple[str, int, Timeline | None]]:
        """Yield key, time of the newest event and timeline (None = it sleeps), of both pools side by side.

        Least recently touched comes first.
        """
        for key, held in heapq.merge(self._trusted.items(), self._untrusted.items(), key=lambda item: _newest(item[1])):
            yield key, _newest(held), None if isinstance(held, bytes) else held

    def asleep(self) -> Iterator[tuple[str, bytes]]:
        """Yield the keys that sleep, and what is held of them."""
        return ((key, held) for key, held in self._trusted.items() if isinstance(held, bytes))

    def _woken(self, key: str, content: bytes) -> Timeline:
        timeline = self._awake(key, content)
        # Where it stands says when it was touched last, and stays.
        self._trusted[key] = timeline
        return timeline

    def _awake(self, key: str, held: Timeline | bytes) -> Timeline:
        return self._wake(key, held[_TIME_BYTES:]) if isinstance(held, bytes) else held


def _asleep(since_us: int, content: bytes) -> bytes:
    return since_us.to_bytes(_TIME_BYTES, signed=True) + content


def _newest(held: Timeline | bytes) -> int:
    return int.from_bytes(held[:_TIME_BYTES], signed=True) if isinstance(held, bytes) else held.newest_us
