"""Bearer tokens: who holds which, those of a browser session, and the one-time codes that lead to them."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import structlog

from response.file_marks import marks_of
from schemas.api import Role
from schemas.instant import HOUR, SECOND
from sessionwatch.api.principal import Principal
from sessionwatch.config.api import ADMIN_TOKEN_NAME, ApiSettings, read_token
from sessionwatch.errors import ConfigurationError

SESSION_LIFE_US = 12 * HOUR
CODE_LIFE_US = 60 * SECOND
MOST_SESSIONS = 1_000
"""Session tokens in memory; beyond, the oldest goes."""

log = structlog.get_logger(__name__)

_PREFIX = "sw_"
"""Lets secret scanners find a token that has got into a repository."""


class Tokens:
    """Every token that is valid now. Only digests are kept, and every one is compared, in constant time.

    Args:
        clock: microseconds since the epoch.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._standing: list[tuple[bytes, Principal]] = []
        self._declared: list[tuple[bytes, Principal]] = []
        self._load: Callable[[], list[tuple[str, Principal]]] = list
        self._mark: Callable[[], object] = tuple
        self._loaded_of: object = ()
        self._sessions: list[tuple[bytes, Principal]] = []
        self._codes: list[tuple[bytes, Principal]] = []

    def add(self, token: str, principal: Principal) -> None:
        """Make a token valid for as long as the process lives."""
        self._standing.append((_digest(token), principal))

    def follow(self, load: Callable[[], list[tuple[str, Principal]]], mark: Callable[[], object]) -> None:
        """Make the declared tokens valid, and follow them when they are replaced: an old one is worth nothing then.

        Args:
            load: returns the tokens as they are now; raises ConfigurationError where one cannot be read.
            mark: returns what is another value once a file was replaced; asked at every request.

        Raises:
            ConfigurationError: a token cannot be read.
        """
        self._load, self._mark, self._loaded_of = load, mark, mark()
        self._declared = [(_digest(token), principal) for token, principal in load()]

    def find(self, token: str) -> Principal | None:
        """Return who holds a token, or None."""
        with self._lock:
            self._follow()
            known = [*self._standing, *self._declared, *self._sessions]
        principal = _holder(token, known)
        return principal if principal is not None and self._is_valid(principal) else None

    def sign_in_code(self, name: str, role: Role, apps: frozenset[str] | None = None) -> str:
        """Return a code that signs in once, within 60 seconds."""
        code = secrets.token_urlsafe(32)
        with self._lock:
            self._codes = [entry for entry in self._codes if self._is_valid(entry[1])][-MOST_SESSIONS:]
            expires_us = self._clock() + CODE_LIFE_US
            self._codes.append((_digest(code), Principal(name, role, apps, expires_us)))
        return code

    def sign_in(self, code: str) -> tuple[str, Principal] | None:
        """Return a session token for a code, which is spent by it; None for one that is not valid."""
        with self._lock:
            principal = _holder(code, self._codes)
            if principal is None:
                return None
            spent = _digest(code)
            self._codes = [entry for entry in self._codes if not hmac.compare_digest(entry[0], spent)]
            if not self._is_valid(principal):
                return None
            token = new_token()
            principal = replace(principal, expires_us=self._clock() + SESSION_LIFE_US)
            valid = [entry for entry in self._sessions if self._is_valid(entry[1])]
            self._sessions = [*valid, (_digest(token), principal)][-MOST_SESSIONS:]
            return token, principal

    def sign_out(self, token: str) -> None:
        """Forget a session token; one of the configuration stays."""
        gone = _digest(token)
        with self._lock:
            self._sessions = [entry for entry in self._sessions if not hmac.compare_digest(entry[0], gone)]

    def _follow(self) -> None:
        mark = self._mark()
        if mark == self._loaded_of:
            return
        # Noted first: what cannot be read is told once, and read again when it is replaced.
        self._loaded_of = mark
        try:
            self._declared = [(_digest(token), principal) for token, principal in self._load()]
        except ConfigurationError as error:
            log.error("the API's tokens stay as they were: one cannot be read", why=str(error))

    def _is_valid(self, principal: Principal) -> bool:
        return principal.expires_us is None or principal.expires_us > self._clock()


def new_token() -> str:
    """Return a token that nobody guesses: 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def load_tokens(settings: ApiSettings, store: Path, clock: Callable[[], int]) -> Tokens:
    """Return the tokens of the configuration and the admin token, which is made where there is none.

    Args:
        settings: the section `[api]`.
        store: the store's file; the admin token lies beside it.
        clock: microseconds since the epoch.

    Raises:
        ConfigurationError: a token file cannot be read or written.
    """
    tokens = Tokens(clock)
    files = [token.token_file for token in settings.tokens if token.token_file is not None]
    tokens.follow(lambda: _declared(settings), lambda: marks_of(files))
    tokens.add(_admin_token(store.parent / ADMIN_TOKEN_NAME), Principal("admin", "admin"))
    return tokens


def _declared(settings: ApiSettings) -> list[tuple[str, Principal]]:
    declared = []
    for token in settings.tokens:
        apps = None if token.apps is None else frozenset(token.apps)
        declared.append((token.secret(), Principal(token.name, token.role, apps)))
    return declared


def _admin_token(path: Path) -> str:
    try:
        # Exclusive, so that no link put there beforehand is followed.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _kept_token(path)
    except OSError as error:
        raise ConfigurationError([f"cannot write the admin token {path}: {(error.strerror or '').lower()}"]) from None
    token = new_token()
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(f"{token}\n")
    return token


def _kept_token(path: Path) -> str:
    try:
        path.chmod(0o600)
    except OSError as error:
        raise ConfigurationError(
            [f"cannot keep the admin token {path} to yourself: {(error.strerror or '').lower()}"]
        ) from None
    return read_token(path, "the admin token")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _holder(token: str, known: list[tuple[bytes, Principal]]) -> Principal | None:
    """Compare with every digest, so that the time tells neither whether nor where there is one."""
    wanted, found = _digest(token), None
    for digest, principal in known:
        if hmac.compare_digest(digest, wanted):
            found = principal
    return found
