"""A file of documents, one a line, for a log shipper to read."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from response.outcome import DELIVERED, Outcome
from store.rows import OutboxMessage

MODE = 0o640
"""Of a new file: a shipper reads it by its group, nobody else does."""

_LONGEST_TORN = 1024 * 1024


class AlertFile:
    """Appends documents as lines of JSON.

    A line is whole or absent: what a full disk has cut short is taken back, and so is what a power cut left at the end
    of the file when it is opened. Messages count as delivered after `fsync`. The file may be renamed or removed at any
    time (logrotate without `copytruncate`): the next lines go into a new one.

    Args:
        path: of the file; its folder must be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def deliver(self, messages: Sequence[OutboxMessage]) -> list[Outcome]:
        """Append all messages, or none."""
        lines = "".join(f"{message.payload}\n" for message in messages).encode()
        try:
            self._append(self._current(), lines)
        except OSError as error:
            self.close()
            reason = error.strerror or type(error).__name__
            return [Outcome("retry", f"the file cannot be written: {reason}")] * len(messages)
        return [DELIVERED] * len(messages)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _current(self) -> int:
        """Return the file that stands at the path now."""
        if self._file is not None and not self._is_there(self._file):
            self.close()
        if self._file is None:
            self._file = _open(self._path)
        return self._file

    def _is_there(self, file: int) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(file))

    @staticmethod
    def _append(file: int, lines: bytes) -> None:
        end = os.fstat(file).st_size
        try:
            left = memoryview(lines)
            while left:
                left = left[os.write(file, left) :]
            os.fsync(file)
        except OSError:
            os.ftruncate(file, end)
            raise


def _open(path: Path) -> int:
    # Without blocking: a pipe in the file's place must not hold the lane.
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, MODE)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is no regular file")
        _take_back_torn_line(file, found.st_size)
    except OSError:
        os.close(file)
        raise
    return file


def _take_back_torn_line(file: int, size: int) -> None:
    """Cut a file after its last line end: what follows was never counted as delivered, and comes again whole."""
    start = max(0, size - _LONGEST_TORN)
    tail = os.pread(file, size - start, start)
    whole = tail.rfind(b"\n") + 1
    if whole == len(tail):
        return
    # Without any line end it may be anything, such as somebody's configuration.
    if not whole or not tail[whole:].startswith(b"{"):
        raise OSError(0, "it holds something else than lines of JSON")
    os.ftruncate(file, start + whole)
