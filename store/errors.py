"""What can go wrong with the store, each in one line that says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb


class StoreError(Exception):
    """The store cannot do what was asked; the text is one line for people."""


class StoreMissing(StoreError):
    """There is no store at the path."""


class StoreLocked(StoreError):
    """Another process has the file."""


class StoreCorrupt(StoreError):
    """The file is no DuckDB file, or is damaged."""


class StoreTooNew(StoreError):
    """The file was written by a later version of sessionwatch or of DuckDB."""


class StoreUnwritable(StoreError):
    """The folder or file may not be written."""


class DiskFull(StoreError):
    """No room for what was to be written. Nothing of the transaction has been kept."""


class WriterMisused(StoreError):
    """A second thread, or a call outside a transaction: a mistake in the program, never the user's."""


# DuckDB names the holder itself: 'Conflicting lock is held in /usr/bin/python3.11 (PID 61) by user root.'
_HOLDER = re.compile(r"held in (?P<program>.*?) \(PID (?P<pid>\d+)\)(?: by user (?P<user>\w+))?")
_LOCK = "Could not set lock on file"
_NO_ROOM = ("No space left on device", "File too large", "Disk quota exceeded", "Out of disk", "out of disk")
_DAMAGE = ("not a valid DuckDB database file", "Corrupt database file", "replaying WAL", "replay of WAL",
           "checksum", "Is a directory", "Failed to deserialize", "Failed to load metadata")  # fmt: skip
_LATER = ("Trying to read a database file with version number", "newer version of DuckDB")
_NO_RIGHT = ("Permission denied", "Read-only file system", "No such file or directory", "Not a directory")


def is_lock(error: duckdb.Error) -> bool:
    """Return whether the error says that another process has the file, which waiting may cure."""
    return _LOCK in str(error)


def explain(error: duckdb.Error, path: Path) -> StoreError:
    """Return the error of this family that says what DuckDB's own means for the store at `path`."""
    text = str(error)
    if is_lock(error):
        return StoreLocked(f"{path} is in use by {_holder(text)}: stop that process, or ask it through its API")
    if any(mark in text for mark in _NO_ROOM):
        return DiskFull(
            f"no room left to write {path} ({_first_line(text)}): free space or move [store] path, then start again"
        )
    if any(mark in text for mark in _LATER):
        return StoreTooNew(f"{path} was written by a later DuckDB: install the sessionwatch version that wrote it")
    if any(mark in text for mark in _DAMAGE):
        return StoreCorrupt(
            f"{path} is damaged or no DuckDB file ({_first_line(text)}): restore it from a backup, or move "
            "it away and start again (events still in Kafka are read anew)"
        )
    if any(mark in text for mark in _NO_RIGHT):
        return StoreUnwritable(f"cannot open {path} ({_first_line(text)}): check the folder and its owner")
    return StoreError(f"the store at {path} failed: {_first_line(text)}")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn DuckDB's errors inside the block into this family's.

    Raises:
        StoreError: whichever of the family fits.
    """
    try:
        yield
    except duckdb.Error as error:
        raise explain(error, path) from error


def _holder(text: str) -> str:
    found = _HOLDER.search(text)
    if found is None:
        return "another process"
    user = f" of user {found['user']}" if found["user"] else ""
    return f"process {found['pid']}{user} ({found['program']})"


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:300] if text.strip() else "no reason given"
