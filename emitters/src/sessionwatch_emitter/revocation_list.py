"""The app's own list of what was revoked, asked at each request.

It refuses a session whatever store or token the session lives in. One file (`revocation_file`) is shared by the
app's processes. Look-ups are answered from memory, which is brought up to date when SQLite says that another
connection has changed the file: so what one worker's receiver has written, every other worker knows at its
next request.

An entry lives for the session's absolute timeout, at least 30 days, and each refused try renews it. An entry
with a lower sequence than the known one is ignored, also after a release: a late retry cannot undo what came
after it.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Literal

from sessionwatch_emitter.errors import RevocationListError
from sessionwatch_emitter.revocation_file import RevocationFile, met, remember

Scope = Literal["session", "user", "login"]

SHORTEST_LIFE_S = 30 * 24 * 3600
# Longer than any sensible sampling interval, after which a use is told at once anyway.
ENDING_LIFE_S = 600
# Longer than the pipeline waits for an answer: after that it ends the session, or a person lets it go.
STEP_UP_LIFE_S = 24 * 3600
# Renewing an entry writes to the file; a refused client may try a thousand times a second, the entry lives
# for weeks.
_RENEW_AFTER_US = 3600 * 1_000_000
_MOST_ENDINGS = 10_000

# No session's id begins like this.
_USER_PREFIX = "user:"
_COLUMNS = "scope, subject, sequence, revoked, not_before_us, until_us"

_log = logging.getLogger("sessionwatch_emitter")


class Outcome(Enum):
    """What became of a change: applied, ignored as older than what is known, or met before."""

    APPLIED = "applied"
    STALE = "stale"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused.

    Attributes:
        scope: session or user, never login; None when the list cannot be read and fails closed.
        subject: the session's id as it was revoked, or the user's id.
    """

    scope: Scope | None
    subject: str


@dataclass(slots=True)
class _Entry:
    sequence: int
    revoked: bool
    not_before_us: int
    until_us: int


class RevocationList:
    """Revoked sessions and users of one app.

    Args:
        path: the SQLite file; it is made, readable by its owner only, if it is not there.
        absolute_timeout: how long a session of this app can live at most, in seconds.
        fail_closed: refuse every session while the file cannot be read, rather than let it through.
        judges_logins: the app asks `login_locked_until` before it lets anybody sign in, without which a lock is
            answered 422.
        clock: the wall clock in seconds since the epoch.

    Raises:
        RevocationListError: the file cannot be opened.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        absolute_timeout: float = 0.0,
        fail_closed: bool = False,
        judges_logins: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._life_us = int(max(absolute_timeout, SHORTEST_LIFE_S) * 1e6)
        self._clock = clock
        self.fail_closed = fail_closed
        self.judges_logins = judges_logins
        self.judges_users = False
        """Whether the middleware knows a request's user and the session's start, which a user scope needs."""
        self.asks_step_up = False
        """Whether the middleware answers in the app's place until the user has proved who they are."""
        self.unreadable = 0
        """How many look-ups could not read the file."""
        self.on_unreadable: Callable[[], None] | None = None
        """Called once when the file becomes unreadable."""
        self._change = 0
        self._entries: dict[Scope, dict[str, _Entry]] = {"session": {}, "user": {}, "login": {}}
        self._users_revoked = False
        self._endings: dict[str, int] = {}
        self._step_ups: dict[str, int] = {}
        self._last_ending = 0
        try:
            self._file = RevocationFile(path)
            with self._file.lock:
                self._refresh()
        except (sqlite3.Error, OSError) as error:
            raise RevocationListError(f"cannot open the revocation list {Path(path).absolute()}: {error}") from error

    def __repr__(self) -> str:
        return f"RevocationList({str(self._file.path)!r})"

    def refusal(
        self, session_ids: Iterable[str], *, user_id: str | None = None, started_us: int | None = None
    ) -> Refusal | None:
        """Say whether a request is to be refused, and why.

        Args:
            session_ids: the session's ids under every key that the app knows.
            user_id: whose session it is, if the app can tell.
            started_us: when the session began, in microseconds since the epoch; a session of a revoked user
                of which this is unknown is refused.
        """
        readable = self._up_to_date()
        now_us = self._now_us()
        for session_id in session_ids:
            entry = self._entry("session", session_id, now_us)
            if entry is not None:
                self._renew("session", session_id, entry, now_us)
                return Refusal("session", session_id)
        if user_id is not None:
            entry = self._entry("user", user_id, now_us)
            if entry is not None and (started_us is None or started_us < entry.not_before_us):
                self._renew("user", user_id, entry, now_us)
                return Refusal("user", user_id)
        if not readable and self.fail_closed:
            return Refusal(None, "")
        return None

    def mark_of(self, session_ids: Iterable[str], user_id: str | None = None) -> tuple[int, int]:
        """Return a mark that changes whenever a session was revoked, released or ended, by whatever process."""
        self._up_to_date()
        sequence = ending = 0
        for session_id in session_ids:
            entry = self._entries["session"].get(session_id)
            sequence = max(sequence, entry.sequence if entry is not None else 0)
            ending = max(ending, self._endings.get(session_id, 0))
        if user_id is not None:
            ending = max(ending, self._endings.get(_USER_PREFIX + user_id, 0))
        return sequence, ending

    def note_ends(self, session_ids: Iterable[str], user_ids: Iterable[str] = ()) -> None:
        """Let the other processes know that sessions, or all sessions of users, were ended by the app.

        Raises:
            RevocationListError: the file cannot be written.
        """
        now_us = self._now_us()
        subjects = [*session_ids, *(_USER_PREFIX + user_id for user_id in user_ids)]
        with self._file.writing() as connection:
            connection.execute("DELETE FROM ending WHERE until_us <= ?", (now_us,))
            connection.executemany(
                "INSERT INTO ending (subject, until_us) VALUES (?, ?)",
                [(subject, now_us + ENDING_LIFE_S * 1_000_000) for subject in subjects],
            )

    def has_users(self) -> bool:
        """Say whether any user's sessions are revoked: else nobody needs to ask whose a request is."""
        self._up_to_date()
        return self._users_revoked

    def revoke_session(self, session_id: str, sequence: int, *, message_id: str | None = None) -> Outcome:
        """Refuse a session from now on.

        Args:
            session_id: its id, as hashed.
            sequence: rises with every revocation or release of this session.
            message_id: the message that asks for it; met again, it changes nothing.

        Raises:
            RevocationListError: the file cannot be written.
        """
        return self._write("session", session_id, sequence, True, 0, message_id)

    def revoke_user(self, user_id: str, sequence: int, not_before_us: int, *, message_id: str | None = None) -> Outcome:
        """Refuse every session of a user that began before `not_before_us`, in microseconds since the epoch.

        Raises:
            RevocationListError: the file cannot be written.
        """
        return self._write("user", user_id, sequence, True, not_before_us, message_id)

    def lock_login(self, user_id: str, sequence: int, end_us: int, *, message_id: str | None = None) -> Outcome:
        """Let nobody sign in as a user until `end_us`, in microseconds since the epoch; their sessions go on.

        Raises:
            RevocationListError: the file cannot be written.
        """
        return self._write("login", user_id, sequence, True, end_us, message_id)

    def login_locked_until(self, user_id: str) -> float | None:
        """Say until when nobody may sign in as a user, in seconds since the epoch; None = they may.

        To be asked once the account is known and before anything is said of the password, so that the answer is
        the same for a right and for a wrong one. While the file cannot be read the newest known answer stands.
        """
        self._up_to_date()
        now_us = self._now_us()
        entry = self._entry("login", user_id, now_us)
        return entry.not_before_us / 1e6 if entry is not None and entry.not_before_us > now_us else None

    def release(self, scope: Scope, subject: str, sequence: int, *, message_id: str | None = None) -> Outcome:
        """Let a session, a user's earlier sessions, or whoever signs in as the user, through again.

        Raises:
            RevocationListError: the file cannot be written.
        """
        return self._write(scope, subject, sequence, False, 0, message_id)

    def ask_step_up(self, session_id: str, *, message_id: str | None = None) -> Outcome:
        """Have the user of a session prove anew who they are, before it is used again.

        Args:
            session_id: its id, as hashed.
            message_id: the message that asks for it; met again, it changes nothing.

        Raises:
            RevocationListError: the file cannot be written.
        """
        now_us = self._now_us()
        with self._file.writing() as connection:
            if message_id is not None:
                if met(connection, message_id, now_us):
                    return Outcome.REPEATED
                remember(connection, message_id, now_us)
            connection.execute("DELETE FROM step_up WHERE until_us <= ?", (now_us,))
            until_us = now_us + STEP_UP_LIFE_S * 1_000_000
            connection.execute("INSERT OR REPLACE INTO step_up VALUES (?, ?)", (session_id, until_us))
        return Outcome.APPLIED

    def needs_step_up(self, session_ids: Iterable[str]) -> bool:
        """Say whether the user of a session, by its ids, has yet to prove who they are."""
        self._up_to_date()
        if not self._step_ups:
            return False
        now_us = self._now_us()
        return any(self._step_ups.get(session_id, 0) > now_us for session_id in session_ids)

    def step_up_done(self, session_ids: Iterable[str]) -> None:
        """Note that the user of a session has proved who they are.

        Raises:
            RevocationListError: the file cannot be written.
        """
        with self._file.writing() as connection:
            connection.executemany("DELETE FROM step_up WHERE session_id = ?", [(one,) for one in session_ids])

    def met(self, message_id: str) -> bool:
        """Say whether a message was dealt with before.

        Raises:
            RevocationListError: the file cannot be read.
        """
        with self._file.writing() as connection:
            return met(connection, message_id, self._now_us())

    def remember(self, message_id: str) -> None:
        """Note that a message was dealt with.

        Raises:
            RevocationListError: the file cannot be written.
        """
        with self._file.writing() as connection:
            remember(connection, message_id, self._now_us())

    def close(self) -> None:
        """Close the file; the next look-up opens it again."""
        with self._file.lock:
            self._file.close()

    def _now_us(self) -> int:
        return int(self._clock() * 1e6)

    def _entry(self, scope: Scope, subject: str, now_us: int) -> _Entry | None:
        entry = self._entries[scope].get(subject)
        return entry if entry is not None and entry.revoked and entry.until_us > now_us else None

    def _up_to_date(self) -> bool:
        """Bring memory up to date with the file; say whether that was possible."""
        report = None
        with self._file.lock:
            try:
                self._refresh()
                return True
            except (sqlite3.Error, OSError) as error:
                self.unreadable += 1
                # Only the first look-up of an outage speaks.
                if self._file.give_up():
                    _log.error("the revocation list %s cannot be read: %s", self._file.path, error)
                    report = self.on_unreadable
        if report is not None:
            report()
        return False

    def _refresh(self) -> None:
        with self._file.news() as news:
            if news is None:
                return
            reader, anew = news
            if anew:
                self._change = self._last_ending = 0
            now_us = self._now_us()
            self._load_entries(reader, now_us)
            self._load_endings(reader, now_us)
            self._step_ups = dict(reader.execute("SELECT session_id, until_us FROM step_up").fetchall())

    def _load_entries(self, reader: sqlite3.Connection, now_us: int) -> None:
        rows = reader.execute(
            "SELECT change, scope, subject, sequence, revoked, not_before_us, until_us FROM subject"
            " WHERE change > ? AND until_us > ? ORDER BY change",
            (self._change, now_us),
        ).fetchall()
        for entries in self._entries.values():
            for subject in [subject for subject, entry in entries.items() if entry.until_us <= now_us]:
                del entries[subject]
        for change, scope, subject, sequence, revoked, not_before_us, until_us in rows:
            self._entries[scope][subject] = _Entry(sequence, bool(revoked), not_before_us, until_us)
            self._change = change
        self._users_revoked = any(entry.revoked for entry in self._entries["user"].values())

    def _load_endings(self, reader: sqlite3.Connection, now_us: int) -> None:
        rows = reader.execute(
            "SELECT change, subject FROM ending WHERE change > ? AND until_us > ? ORDER BY change",
            (self._last_ending, now_us),
        ).fetchall()
        for change, subject in rows:
            # Moved to the end, so that the oldest stand first.
            self._endings.pop(subject, None)
            self._endings[subject] = self._last_ending = change
        while len(self._endings) > _MOST_ENDINGS:
            del self._endings[next(iter(self._endings))]

    def _renew(self, scope: Scope, subject: str, entry: _Entry, now_us: int) -> None:
        until_us = now_us + self._life_us
        if until_us - entry.until_us < _RENEW_AFTER_US:
            return
        entry.until_us = until_us
        try:
            with self._file.writing() as connection:
                connection.execute(
                    f"INSERT OR REPLACE INTO subject ({_COLUMNS})"
                    " SELECT scope, subject, sequence, revoked, not_before_us, ? FROM subject"
                    " WHERE scope = ? AND subject = ?",
                    (until_us, scope, subject),
                )
        except RevocationListError as error:
            _log.warning("an entry could not be renewed: %s", error)

    def _write(
        self,
        scope: Scope,
        subject: str,
        sequence: int,
        revoked: bool,
        not_before_us: int,
        message_id: str | None,
    ) -> Outcome:
        now_us = self._now_us()
        with self._file.writing() as connection:
            if message_id is not None:
                if met(connection, message_id, now_us):
                    return Outcome.REPEATED
                remember(connection, message_id, now_us)
            known = connection.execute(
                "SELECT sequence FROM subject WHERE scope = ? AND subject = ?", (scope, subject)
            ).fetchone()
            if known is not None and known[0] > sequence:
                return Outcome.STALE
            connection.execute("DELETE FROM subject WHERE until_us <= ?", (now_us,))
            connection.execute(
                f"INSERT OR REPLACE INTO subject ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
                (scope, subject, sequence, int(revoked), not_before_us, now_us + self._life_us),
            )
        return Outcome.APPLIED
