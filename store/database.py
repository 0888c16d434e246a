"""Opens the one file. One process owns it, one thread writes, and every reader has a cursor of its own."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType

import duckdb

from store.audit_key import KEY_BYTES, AuditKey
from store.errors import (
    StoreError,
    StoreMissing,
    StoreUnwritable,
    WriterMisused,
    explain,
    explained,
    is_lock,
)
from store.migrations import check_version, migrate, version_of
from store.reader import Reader
from store.tables import MIGRATIONS
from store.writer import Writer

WAIT_FOR_LOCK_S = 5.0
LOCK_RETRY_S = 0.1
MEMORY_LIMIT = "2GB"
"""For DuckDB's own buffers; above it queries spill to a folder beside the file."""

CHECKPOINT_THRESHOLD = "64MB"
"""Size of the write-ahead log at which DuckDB folds it into the file, on the writing thread."""

# Nothing in a statement may reach another file, the network, or code that is not in the wheel.
_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "memory_limit": MEMORY_LIMIT,
}


class Database:
    """An open store. Make one by `Database.open`; use it as a context manager or close it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path, *, read_only: bool) -> None:
        self._connection = connection
        self._writer: Writer | None = None
        self.path = path
        self.read_only = read_only

    @classmethod
    def open(cls, path: Path | str, *, read_only: bool = False, wait_s: float = WAIT_FOR_LOCK_S) -> Database:
        """Open the file, make it where there is none, and bring its tables to this version.

        A new folder gets mode 0700 and every file 0600. For the latter the process's mask is tightened and
        stays so, because DuckDB makes its write-ahead log anew after each checkpoint.

        Args:
            path: of the DuckDB file.
            read_only: change nothing; still impossible while another process has the file.
            wait_s: how many seconds to wait for a lock before giving up.

        Raises:
            StoreError: locked (says by whom), corrupt, of a later version, unwritable or, read-only, missing.
        """
        path = Path(path)
        if read_only:
            _require(path)
        else:
            _prepare(path)
        connection = _connect(path, read_only=read_only, wait_s=wait_s)
        try:
            with explained(path):
                _check_tables(connection, path, read_only=read_only)
        except StoreError:
            connection.close()
            raise
        return cls(connection, path, read_only=read_only)

    def writer(self, audit_key: AuditKey | None = None) -> Writer:
        """Return the one writer.

        Args:
            audit_key: signs checkpoints of the audit log, and makes its pseudonyms; None = one that lasts as long as
                this object, for a store that nobody will have to prove anything with.

        Raises:
            WriterMisused: it has been given out already, or the store is open read-only.
        """
        if self.read_only:
            raise WriterMisused(f"{self.path} is open read-only")
        if self._writer is not None:
            raise WriterMisused(f"{self.path} has its writer already: one thread writes")
        with explained(self.path):
            key = audit_key or AuditKey(os.urandom(KEY_BYTES))
            self._writer = Writer(self._connection.cursor(), self.path, key)
        return self._writer

    def reader(self) -> Reader:
        """Return a reader with a cursor of its own, for one thread; it sees what has been committed."""
        with explained(self.path):
            return Reader(self._connection.cursor(), self.path)

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it.

        Raises:
            StoreError: the last write failed; what was committed is in the log and read at the next start.
        """
        with explained(self.path):
            try:
                if not self.read_only:
                    self._connection.execute("CHECKPOINT")
            finally:
                if self._writer is not None:
                    self._writer.close()
                self._connection.close()

    def __enter__(self) -> Database:
        """Return itself; the block's end closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, also after an error."""
        self.close()


def _prepare(path: Path) -> None:
    os.umask(os.umask(0o077) | 0o077)
    if path.is_dir():
        raise StoreUnwritable(f"{path} is a folder: [store] path names a file")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for existing in (path, path.with_name(path.name + ".wal")):
            if existing.exists():
                existing.chmod(0o600)
    except OSError as error:
        raise StoreUnwritable(
            f"cannot write {path} ({error.strerror}): choose a folder of your own in [store] path"
        ) from error


def _require(path: Path) -> None:
    try:
        if path.exists():
            return
    except OSError as error:
        raise StoreUnwritable(f"cannot read {path} ({error.strerror}): ask its owner") from error
    raise StoreMissing(f"there is no store at {path}: `sessionwatch run` makes it")


def _connect(path: Path, *, read_only: bool, wait_s: float) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            config = _CLOSED if read_only else {**_CLOSED, "checkpoint_threshold": CHECKPOINT_THRESHOLD}
            return duckdb.connect(str(path), read_only=read_only, config=config)
        except duckdb.Error as error:
            if not is_lock(error) or time.monotonic() >= deadline:
                raise explain(error, path) from error
        time.sleep(LOCK_RETRY_S)


def _check_tables(connection: duckdb.DuckDBPyConnection, path: Path, *, read_only: bool) -> None:
    if not read_only:
        migrate(connection, path)
        return
    version = version_of(connection)
    check_version(version, path)
    if version < len(MIGRATIONS):
        raise StoreError(f"{path} has tables of version {version}: start `sessionwatch run` once to renew them")
