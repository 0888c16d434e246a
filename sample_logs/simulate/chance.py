"""Chance that is the same in every process: named streams of random numbers, and numbers mixed from numbers."""

from __future__ import annotations

import base64
import math
import random
from collections.abc import Sequence
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")
_MASK = 0xFFFF_FFFF_FFFF_FFFF


def chance_of(*names: object) -> random.Random:
    """Return the stream of random numbers that belongs to these names alone.

    A text as seed is hashed by SHA-512, so that neither the process nor its hash seed matters. Every person's day
    and every attack has a stream of its own: one more attack changes nobody else's life.
    """
    return random.Random(":".join(str(name) for name in names))


def mix(*numbers: int) -> int:
    """Return 64 bits made of whole numbers, alike for like numbers: the finalizer of SplitMix64 over each of them."""
    state = 0x9E37_79B9_7F4A_7C15
    for number in numbers:
        state = (state ^ number) + 0x9E37_79B9_7F4A_7C15 & _MASK
        state = (state ^ state >> 30) * 0xBF58_476D_1CE4_E5B9 & _MASK
        state = (state ^ state >> 27) * 0x94D0_49BB_1331_11EB & _MASK
        state ^= state >> 31
    return state


def share(*numbers: int) -> float:
    """Return a number from 0 to 1 made of whole numbers."""
    return mix(*numbers) / 2**64


def poisson(chance: random.Random, mean: float) -> int:
    """Return a Poisson-distributed count (Knuth's multiplication, fit for small means)."""
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count


def random_hash(chance: random.Random, prefix: str) -> str:
    """Return what a keyed hash looks like on the wire: a prefix and 43 characters of base64url."""
    return prefix + base64.urlsafe_b64encode(chance.randbytes(32)).decode()[:43]


class Weighted(Generic[T]):
    """Draws one of several things by weight.

    Args:
        weighted: the things with their weights.
    """

    def __init__(self, weighted: Sequence[tuple[T, float]]) -> None:
        self._things = [thing for thing, _ in weighted]
        self._up_to = list(accumulate(weight for _, weight in weighted))

    def draw(self, chance: random.Random) -> T:
        """Return one."""
        return chance.choices(self._things, cum_weights=self._up_to)[0]
