"""The keys in memory: two pools with bounds of their own.

Keys made by authenticated events are never evicted for keys made by failures (decision 20): otherwise a flood
of invented session ids would push the victim's session out of sight.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator

from detectors.timeline import Timeline


class Pool:
    """Timelines by key, least recently touched first.

    Args:
        trusted_bound: most keys made by authenticated events.
        untrusted_bound: most keys made by failures alone.
    """

    def __init__(self, trusted_bound: int, untrusted_bound: int) -> None:
        self.evicted = 0
        self._bounds = {True: trusted_bound, False: untrusted_bound}
        self._trusted: OrderedDict[str, Timeline] = OrderedDict()
        self._untrusted: OrderedDict[str, Timeline] = OrderedDict()

    def __len__(self) -> int:
        return len(self._trusted) + len(self._untrusted)

    def get(self, key: str) -> Timeline | None:
        """Return a key's timeline, or None."""
        return self._trusted.get(key) or self._untrusted.get(key)

    def touch(self, key: str, timeline: Timeline, *, trusted: bool) -> list[tuple[str, Timeline]]:
        """Put a timeline at the fresh end; one authenticated event makes its key trusted for good.

        Returns:
            the keys that had to go because a bound was reached, with their timelines.
        """
        if key in self._trusted:
            self._trusted.move_to_end(key)
            return []
        if trusted:
            self._untrusted.pop(key, None)
        pool = self._trusted if trusted else self._untrusted
        pool[key] = timeline
        pool.move_to_end(key)
        gone = []
        while len(pool) > self._bounds[trusted]:
            gone.append(pool.popitem(last=False))
        self.evicted += len(gone)
        return gone

    def pop(self, key: str) -> Timeline | None:
        """Take a timeline out."""
        return self._trusted.pop(key, None) or self._untrusted.pop(key, None)

    def oldest(self) -> Iterator[tuple[str, Timeline]]:
        """Yield keys and timelines, least recently touched first, of both pools side by side."""
        return heapq.merge(self._trusted.items(), self._untrusted.items(), key=lambda item: item[1].newest_us)
