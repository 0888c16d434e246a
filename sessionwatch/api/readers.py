"""One reader of the store for each thread that answers requests."""

from __future__ import annotations

import threading
from collections.abc import Callable

from store.reader import Reader


class Readers:
    """Hands each thread its own reader, and closes them all at the end.

    Args:
        make: opens a reader.
    """

    def __init__(self, make: Callable[[], Reader]) -> None:
        self._make = make
        self._own = threading.local()
        self._lock = threading.Lock()
        self._all: list[Reader] = []

    def of_this_thread(self) -> Reader:
        """Return the reader of the calling thread."""
        reader: Reader | None = getattr(self._own, "reader", None)
        if reader is None:
            reader = self._own.reader = self._make()
            with self._lock:
                self._all.append(reader)
        return reader

    def close(self) -> None:
        """Close every reader: an open one would keep the store's file."""
        with self._lock:
            for reader in self._all:
                reader.close()
            self._all.clear()
