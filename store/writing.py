"""The connection that is written through: by one thread, in one transaction at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from store.errors import WriterMisused, explained


class Writing:
    """Statements of one thread: the first that begins a transaction is the only one that may.

    Args:
        connection: to the store.
        path: its file, for messages.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self.connection = connection
        self._path = path
        self._thread: int | None = None
        self._open = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing; an exception in it undoes what was written.

        Raises:
            StoreError: the write failed, as for a full disk. Then nothing of the block is in the store.
            WriterMisused: another thread writes, or a transaction is open.
        """
        self.claim_thread()
        if self._open:
            raise WriterMisused("a transaction is open already")
        with explained(self._path):
            self.connection.execute("BEGIN")
            self._open = True
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._open = False

    def claim_thread(self) -> None:
        """Make sure that nobody else writes.

        Raises:
            WriterMisused: another thread does.
        """
        if self._thread is None:
            self._thread = threading.get_ident()
        if self._thread != threading.get_ident():
            raise WriterMisused("another thread writes to the store: hand it a command instead")

    def check_open(self) -> None:
        """Make sure that a transaction is open.

        Raises:
            WriterMisused: none is, or another thread writes.
        """
        self.claim_thread()
        if not self._open:
            raise WriterMisused("no transaction is open")

    def insert(self, statement: str, rows: pa.Table) -> None:
        """Execute a statement over rows, which it finds as the table `incoming`."""
        self.check_open()
        self.connection.register("incoming", rows)
        self.connection.execute(statement)

    def save(self, rows: pa.Table, stored: str, insert: str, replace: str) -> None:
        """Insert or replace rows by their first column.

        Args:
            rows: each id once.
            stored: selects those of `$ids` that are there.
            insert, replace: statements over the new and over the known ones.
        """
        # Twice as fast as ON CONFLICT with so many columns, and a revocation waits for it.
        self.check_open()
        ids = rows.column(0).to_pylist()
        known = {row[0] for row in self.connection.execute(stored, {"ids": ids}).fetchall()}
        if len(known) < len(ids):
            self.insert(insert, rows.filter(pa.array([one not in known for one in ids])))
        if known:
            self.insert(replace, rows.filter(pa.array([one in known for one in ids])))

    def execute(self, statement: str, parameters: Mapping[str, object] | None = None) -> int:
        """Execute a statement, and return how many rows it touched."""
        self.check_open()
        row = self.connection.execute(statement, dict(parameters or {})).fetchone()
        return int(row[0]) if row else 0

    def number(self, statement: str) -> int:
        """Return the one number that a statement selects."""
        row = self.connection.execute(statement).fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Let go of the cursor."""
        self.connection.close()

    def _roll_back(self) -> None:
        try:
            self.connection.execute("ROLLBACK")
        except duckdb.Error:
            # A fatal error has undone it and made the connection useless; the first error is the news.
            return
