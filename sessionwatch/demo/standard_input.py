"""How a part of the demo hears that it is to end: its standard input does."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable


def at_end_of_input(then: Callable[[], None]) -> None:
    """Call something, in a thread of its own, once standard input has ended."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        then()

    threading.Thread(target=watch, name="standard-input", daemon=True).start()
