"""What every group of queries shares: one cursor, and DuckDB's errors in the store's words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from store.errors import explain


class Reading:
    """A cursor of one thread. Each statement sees what had been committed when it began."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def close(self) -> None:
        """Let go of the cursor."""
        self._connection.close()

    def _rows(self, statement: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        # Fetched whole: an unread result would hold its snapshot, and with it every later change.
        try:
            return self._connection.execute(statement, dict(parameters or {})).fetchall()
        except duckdb.Error as error:
            raise explain(error, self._path) from error

    def _row(self, statement: str, parameters: Mapping[str, object] | None = None) -> tuple[Any, ...] | None:
        rows = self._rows(statement, parameters)
        return rows[0] if rows else None

    def _number(self, statement: str, parameters: Mapping[str, object] | None = None) -> int:
        row = self._row(statement, parameters)
        return int(row[0]) if row is not None and row[0] is not None else 0
