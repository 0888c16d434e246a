"""The keys in memory of every kind, in as many parts as there are engines in one."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from functools import partial

from detectors.pool import Pool
from detectors.rule import RULE_KEYS, RuleKey
from detectors.timeline import Timeline

Key = tuple[RuleKey, str]

HorizonOf = Callable[[RuleKey, str], int]
"""How long a key of a kind and an app can matter after its last event, microseconds."""


class Keys:
    """Finds keys.

    Args:
        parts: into how many the keys are split; nothing that is found depends on it.
        trusted_bound, untrusted_bound: most keys in memory by kind and part, see `Pool`.
        wake: makes a timeline of a sleeping key's kind, its name, and what was written of it.
    """

    def __init__(
        self, parts: int, trusted_bound: int, untrusted_bound: int, wake: Callable[[RuleKey, str, bytes], Timeline]
    ) -> None:
        self._parts: list[dict[RuleKey, Pool]] = [
            {kind: Pool(trusted_bound, untrusted_bound, partial(wake, kind)) for kind in RULE_KEYS}
            for _ in range(parts)
        ]
        self._only = self._parts[0] if parts == 1 else None

    def pool(self, kind: RuleKey, key: str) -> Pool:
        """Return the pool in which a key stands, or would."""
        if self._only is not None:
            return self._only[kind]
        return self._parts[zlib.crc32(key.encode("utf-8", "replace")) % len(self._parts)][kind]

    def at(self, key: Key) -> Timeline | None:
        """Return a key's timeline, or None."""
        return self.pool(*key).get(key[1])

    def timelines(self) -> Iterator[Timeline]:
        """Yield what does not sleep."""
        return (one for _, pool in self._pools() for _, _, one in pool.oldest() if one is not None)

    def asleep(self) -> Iterator[tuple[str, bytes]]:
        """Yield the session keys that sleep, and what is held of them."""
        for kind, pool in self._pools():
            if kind == "session":
                yield from pool.asleep()

    def sizes(self) -> dict[str, int]:
        """Return how many keys are in memory by kind, and how many were evicted."""
        sizes = {"evicted": 0}
        for kind, pool in self._pools():
            sizes[kind] = sizes.get(kind, 0) + len(pool)
            sizes["evicted"] += pool.evicted
        return sizes

    def expired(self, before_us: int, horizon_us: HorizonOf, apps: list[str]) -> list[Key]:
        """Return the keys that no rule can ask about any more.

        Args:
            before_us: an instant, microseconds: what is older than its horizon then.
            horizon_us: how long keys matter.
            apps: those that are declared, and one for all others.
        """
        return [
            (kind, key) for kind, pool in self._pools() for key in _expired(kind, pool, before_us, horizon_us, apps)
        ]

    def _pools(self) -> Iterator[tuple[RuleKey, Pool]]:
        return (item for part in self._parts for item in part.items())


def _expired(kind: RuleKey, pool: Pool, before_us: int, horizon_us: HorizonOf, apps: list[str]) -> Iterator[str]:
    shortest_us = min(horizon_us(kind, app) for app in apps)
    for key, newest_us, timeline in pool.oldest():
        if newest_us >= before_us - shortest_us:
            # Whatever follows was touched later.
            break
        if timeline is not None and timeline.head.pending:
            # What settles waits for a tick to decide it.
            continue
        if newest_us < before_us - horizon_us(kind, key.split(" ", 1)[0]):
            yield key
