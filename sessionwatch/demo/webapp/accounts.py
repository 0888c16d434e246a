"""Users, sessions and balances of one app, in a SQLite file that its worker processes share."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

OPENING_CENTS = 500_000

_TABLES = """
CREATE TABLE user (
    name TEXT PRIMARY KEY,
    salt BLOB NOT NULL,
    password BLOB NOT NULL,
    balance_cents INTEGER NOT NULL
);
CREATE TABLE session (
    cookie_hash BLOB PRIMARY KEY,
    user TEXT NOT NULL REFERENCES user,
    began_s REAL NOT NULL
);
"""


class Session(NamedTuple):
    """A session that the app accepts.

    Attributes:
        began_s: seconds since the epoch.
    """

    user: str
    began_s: float


class Accounts:
    """Opens the file; safe in every thread and process.

    Args:
        path: of a file that `create` has made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    @classmethod
    def create(cls, path: Path, users: Iterable[tuple[str, str]]) -> Accounts:
        """Make the file, with users by name and password."""
        path.touch(mode=0o600)
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_TABLES)
            for name, password in users:
                salt = secrets.token_bytes(16)
                row = (name, salt, _password_hash(password, salt), OPENING_CENTS)
                connection.execute("INSERT INTO user VALUES (?, ?, ?, ?)", row)
        return cls(path)

    def knows(self, user: str) -> bool:
        """Say whether there is such a user."""
        return self._row("SELECT 1 FROM user WHERE name = ?", user) is not None

    def password_fits(self, user: str, password: str) -> bool:
        """Say whether this is the user's password; an unknown user takes as long as a known one."""
        row = self._row("SELECT salt, password FROM user WHERE name = ?", user)
        salt, expected = row if row is not None else (b"", b"")
        return hmac.compare_digest(_password_hash(password, salt), expected)

    def begin_session(self, user: str) -> str:
        """Return a new session's cookie; the file holds its hash alone."""
        cookie = secrets.token_urlsafe(32)
        self._write("INSERT INTO session VALUES (?, ?, ?)", _cookie_hash(cookie), user, time.time())
        return cookie

    def session(self, cookie: str) -> Session | None:
        """Return the session of a cookie, None if there is none."""
        row = self._row("SELECT user, began_s FROM session WHERE cookie_hash = ?", _cookie_hash(cookie))
        return Session(*row) if row is not None else None

    def end_session(self, cookie: str) -> None:
        """Accept a cookie no longer."""
        self._write("DELETE FROM session WHERE cookie_hash = ?", _cookie_hash(cookie))

    def balance_cents(self, user: str) -> int:
        """Return what a user has."""
        row = self._row("SELECT balance_cents FROM user WHERE name = ?", user)
        return int(row[0]) if row is not None else 0

    def spend(self, user: str, cents: int) -> bool:
        """Take an amount from a user's balance; say whether there was enough."""
        return self._write(
            "UPDATE user SET balance_cents = balance_cents - ?1 WHERE name = ?2 AND balance_cents >= ?1",
            cents,
            user,
        )

    def close(self) -> None:
        """Close this thread's connection; the next question opens it again."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            del self._local.connection

    def _row(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection().execute(statement, values).fetchone()
        return row

    def _write(self, statement: str, *values: object) -> bool:
        return self._connection().execute(statement, values).rowcount > 0

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=2.0, isolation_level=None)
            connection.execute("PRAGMA synchronous = NORMAL")
            self._local.connection = connection
        return connection


def _password_hash(password: str, salt: bytes) -> bytes:
    # A tenth of what OWASP asks of a real app: twenty people sign in within two seconds here, on any laptop.
    return hashlib.scrypt(password.encode(), salt=salt, n=2**13, r=8, p=1)


def _cookie_hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode("utf-8", "surrogatepass")).digest()
