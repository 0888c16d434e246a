"""A real DuckDB file for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Database
from store.reader import Reader
from store.writer import Writer


@pytest.fixture(autouse=True)
def _mask() -> Iterator[None]:
    """Undo the tightened mask, so that no test leans on the one before."""
    mask = os.umask(0o022)
    yield
    os.umask(mask)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store of this test is."""
    return tmp_path / "data" / "store.duckdb"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    """An open store."""
    with Database.open(path) as database:
        yield database


@pytest.fixture
def writer(database: Database) -> Writer:
    """Its writer."""
    return database.writer()


@pytest.fixture
def reader(database: Database) -> Reader:
    """A reader of it."""
    return database.reader()
