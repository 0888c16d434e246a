"""Tables move forward only, once, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from store.database import Database
from store.errors import StoreTooNew
from store.migrations import migrate, version_of
from store.tables import MIGRATIONS, TABLES

ADD_COLUMN = "ALTER TABLE audit ADD COLUMN colour VARCHAR"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to an empty file."""
    with duckdb.connect(str(tmp_path / "store.duckdb")) as connection:
        yield connection


def test_an_empty_file_has_version_0(connection: duckdb.DuckDBPyConnection) -> None:
    assert version_of(connection) == 0


def test_every_version_is_applied_once(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert migrate(connection, tmp_path) == list(range(1, len(MIGRATIONS) + 1))
    assert migrate(connection, tmp_path) == []


def test_an_older_file_gets_what_it_misses(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    migrate(connection, tmp_path, MIGRATIONS[:1])
    assert migrate(connection, tmp_path, (MIGRATIONS[0], ADD_COLUMN)) == [2]
    assert version_of(connection) == 2
    connection.execute("SELECT colour FROM audit")


def test_a_failing_version_leaves_the_file_as_it_was(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    migrate(connection, tmp_path, MIGRATIONS[:1])
    with pytest.raises(duckdb.Error):
        migrate(connection, tmp_path, (MIGRATIONS[0], ADD_COLUMN, "ALTER TABLE nowhere ADD COLUMN x INTEGER"))
    assert version_of(connection) == 1
    with pytest.raises(duckdb.BinderException):
        connection.execute("SELECT colour FROM audit")


def test_a_newer_file_is_refused(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    migrate(connection, tmp_path, (MIGRATIONS[0], ADD_COLUMN))
    with pytest.raises(StoreTooNew, match="version 2, this sessionwatch knows up to 1"):
        migrate(connection, tmp_path, MIGRATIONS[:1])


def test_every_table_of_a_new_store_is_counted(database: Database) -> None:
    assert database.reader().counts() == dict.fromkeys(TABLES, 0)
