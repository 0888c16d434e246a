"""Python's collector of cycles, told that the state of the keys holds none."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 50_000, 20, 100
"""How many allocations, young and middle rounds lie between two rounds. Looking through a million keys again and again
took a sixth of the engine's time; requests and errors, which do leave cycles, die young."""


def relax_collector() -> None:
    """Leave alone what is loaded, and look through what lives long seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
