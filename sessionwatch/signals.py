"""The two ways of asking a command to stop: SIGTERM, and Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Act = Callable[[int, FrameType | None], None]


@contextmanager
def on_stop_signals(act: Act) -> Iterator[None]:
    """Let both do the same in between, and afterwards what they did before.

    Args:
        act: told the signal's number and where the main thread was; what it raises is raised there.
    """
    before = {number: signal.signal(number, act) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
