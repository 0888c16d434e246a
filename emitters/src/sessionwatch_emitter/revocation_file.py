"""The SQLite file (WAL) that the processes of an app share: its tables, one reader, and who may write when.

Whoever reads asks `news` first: it answers when another connection has changed the file, and by what it is to be
read then.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from sessionwatch_emitter.errors import RevocationListError

# A webhook is retried for a day; a message is remembered for twice as long.
MESSAGE_LIFE_S = 2 * 24 * 3600
_REOPEN_AFTER_S = 1.0
_BUSY_S = 2.0

_TABLES = """
CREATE TABLE IF NOT EXISTS subject (
    change INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL,
    subject TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    revoked INTEGER NOT NULL,
    not_before_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    UNIQUE (scope, subject)
);
CREATE TABLE IF NOT EXISTS ending (
    change INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT NOT NULL,
    until_us INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS step_up (
    session_id TEXT PRIMARY KEY,
    until_us INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message (
    id TEXT PRIMARY KEY,
    until_us INTEGER NOT NULL
) WITHOUT ROWID;
"""

_log = logging.getLogger("sessionwatch_emitter")


class RevocationFile:
    """The file, made readable by its owner only if it is not there.

    Args:
        path: where it lies.

    Attributes:
        lock: held by whoever asks for news; no fork happens meanwhile.

    Raises:
        sqlite3.Error, OSError: it cannot be made.
    """

    def __init__(self, path: str | Path) -> None:
        # Whoever changes the folder later means the same file.
        self.path = Path(path).absolute()
        self.lock = threading.Lock()
        self._reader: sqlite3.Connection | None = None
        # Device and inode of the file that the reader has open.
        self._opened: tuple[int, int] | None = None
        self._reopen_at = 0.0
        self._version = -1
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        with contextlib.closing(_connect(self.path, create=True)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_TABLES)
        _close_before_fork(self)

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction on a connection of its own: look-ups never wait for it, and see it as another's.

        Raises:
            RevocationListError: the file cannot be written.
        """
        try:
            with contextlib.closing(_connect(self.path, create=False)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise RevocationListError(f"cannot write the revocation list {self.path}: {error}") from error

    @contextlib.contextmanager
    def news(self) -> Iterator[tuple[sqlite3.Connection, bool] | None]:
        """Give the reader where the file has changed since the last block that ended well, else None.

        The second value says that the reader was opened anew: what is known of the file counts for nothing.

        Raises:
            sqlite3.Error, OSError: it cannot be read; `give_up` then, and for a second nobody tries again.
        """
        # A file that was deleted or replaced stays readable to who has it open, while others write to the new one.
        status = self.path.stat()
        file = (status.st_dev, status.st_ino)
        if self._reader is not None and file != self._opened:
            _log.warning("the revocation list %s was replaced by another file, which is read from now on", self.path)
            self.close()
        if self._reader is None:
            if time.monotonic() < self._reopen_at:
                raise sqlite3.OperationalError("unreadable a moment ago")
            # Opened without leave to create: an empty file in place of a lost one would release everybody in
            # silence.
            self._reader, self._opened, self._version = _connect(self.path, create=False), file, -1
        version = self._reader.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            yield None
            return
        yield self._reader, self._version == -1
        self._version = version
        self._reopen_at = 0.0

    def give_up(self) -> bool:
        """Close a file that cannot be read; say whether this outage has only begun."""
        first = self._reopen_at == 0.0
        self.close()
        self._reopen_at = time.monotonic() + _REOPEN_AFTER_S
        return first

    def close(self) -> None:
        """Close the reader; the next look opens it again."""
        reader, self._reader = self._reader, None
        if reader is not None:
            with contextlib.suppress(sqlite3.Error):
                reader.close()


def met(connection: sqlite3.Connection, message_id: str, now_us: int) -> bool:
    """Say whether a message was dealt with before."""
    query = "SELECT 1 FROM message WHERE id = ? AND until_us > ?"
    return connection.execute(query, (message_id, now_us)).fetchone() is not None


def remember(connection: sqlite3.Connection, message_id: str, now_us: int) -> None:
    """Note that a message was dealt with."""
    connection.execute("DELETE FROM message WHERE until_us <= ?", (now_us,))
    until_us = now_us + MESSAGE_LIFE_S * 1_000_000
    connection.execute("INSERT OR REPLACE INTO message VALUES (?, ?)", (message_id, until_us))


def _connect(path: Path, *, create: bool) -> sqlite3.Connection:
    mode = "rwc" if create else "rw"
    return sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=_BUSY_S,
        isolation_level=None,
        check_same_thread=False,
    )


def _close_before_fork(file: RevocationFile) -> None:
    """Let no connection cross a fork: SQLite forbids even to close it there. Both sides open their own."""
    weak = weakref.ref(file)

    def before() -> None:
        alive = weak()
        if alive is not None:
            alive.lock.acquire()
            alive.close()

    def after() -> None:
        alive = weak()
        if alive is not None and alive.lock.locked():
            alive.lock.release()

    os.register_at_fork(before=before, after_in_parent=after, after_in_child=after)
