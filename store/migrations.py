"""Brings a file to the newest version of the tables, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from store.errors import StoreTooNew
from store.tables import MIGRATIONS

CREATE_VERSIONS = """
CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY, applied TIMESTAMP NOT NULL)
"""
HAS_VERSIONS = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'schema_versions' AND NOT internal"
NEWEST_VERSION = "SELECT coalesce(max(version), 0) FROM schema_versions"
RECORD_VERSION = "INSERT INTO schema_versions VALUES ($version, now()::TIMESTAMP)"


def version_of(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the version of the tables in a file; 0 when it has none."""
    if _number(connection, HAS_VERSIONS) == 0:
        return 0
    return _number(connection, NEWEST_VERSION)


def check_version(version: int, path: Path, newest: int = len(MIGRATIONS)) -> None:
    """Refuse a file that a later version of sessionwatch has changed.

    Raises:
        StoreTooNew: the file's version is above the newest that this program knows.
    """
    if version > newest:
        raise StoreTooNew(
            f"{path} has tables of version {version}, this sessionwatch knows up to {newest}: "
            "install the version that wrote it, or a later one"
        )


def migrate(connection: duckdb.DuckDBPyConnection, path: Path, migrations: Sequence[str] = MIGRATIONS) -> list[int]:
    """Apply what is missing, all or nothing, and return the versions applied.

    Raises:
        StoreTooNew: the file's version is above the newest that this program knows.
    """
    version = version_of(connection)
    check_version(version, path, len(migrations))
    missing = list(range(version + 1, len(migrations) + 1))
    if not missing:
        return []
    connection.execute("BEGIN")
    try:
        connection.execute(CREATE_VERSIONS)
        for number in missing:
            connection.execute(migrations[number - 1])
            connection.execute(RECORD_VERSION, {"version": number})
    except duckdb.Error:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return missing


def _number(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0
