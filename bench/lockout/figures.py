"""What came of the thefts: legs of the way, their median and their p99. A theft without an end counts as endless."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.lockout.thieves import Theft

LEGS = (
    ("theft's first request to 401", "began", "refused"),
    ("- first request to the batch that it is judged in", "began", "polled"),
    ("- batch to its commit", "polled", "committed"),
    ("- commit to the webhook's arrival at the app", "committed", "received"),
    ("- arrival to the thief's 401", "received", "refused"),
)


@dataclass(frozen=True)
class Leg:
    """One leg of the way over all thefts, or one stage over all batches, in milliseconds."""

    name: str
    median_ms: float
    p99_ms: float
    worst_ms: float


def legs(
    thefts: Sequence[Theft], committed: Mapping[str, tuple[str, int, int]], received: Mapping[str, int]
) -> list[Leg]:
    """Return the legs.

    Args:
        thefts: all of them.
        committed: by session the id of the message, when its batch arrived and was committed.
        received: by id of the message when it arrived first.
    """
    ways = [_way(theft, committed.get(theft.session), received) for theft in thefts]
    return [leg_of(name, [way.get(end, math.inf) - way.get(begin, 0.0) for way in ways]) for name, begin, end in LEGS]


def _way(theft: Theft, committed: tuple[str, int, int] | None, received: Mapping[str, int]) -> dict[str, float]:
    way: dict[str, float] = {"began": theft.began_us}
    if theft.refused_us is not None:
        way["refused"] = theft.refused_us
    if committed is not None:
        message, polled_us, committed_us = committed
        way |= {"polled": polled_us, "committed": committed_us}
        if message in received:
            way["received"] = received[message]
    return way


def leg_of(name: str, times_us: Iterable[float]) -> Leg:
    """Return the figures of some times in microseconds."""
    ordered = sorted(times_us)
    return Leg(name, nearest_rank(ordered, 0.5) / 1e3, nearest_rank(ordered, 0.99) / 1e3, ordered[-1] / 1e3)


def nearest_rank(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
