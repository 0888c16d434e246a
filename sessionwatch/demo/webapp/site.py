"""A web app with cookie sessions: login, account, transfer, logout. It talks to the emitter as a customer's would."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from sessionwatch_emitter import RequestSession, SessionEmitter

from sessionwatch.demo.webapp.accounts import Accounts

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

COOKIE = "session"
LARGEST_BODY = 4096


class Answer(NamedTuple):
    """Status, content, and the cookie to set, if any."""

    status: HTTPStatus
    content: dict[str, object]
    cookie: str | None = None


_NO_SESSION = Answer(HTTPStatus.UNAUTHORIZED, {"error": "please sign in"})
_CLEARED = f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"


class Site:
    """The app itself, as WSGI.

    Args:
        accounts: users and sessions.
        emitter: names sessions as events do, for the reference that users see.
        ends_sessions: whether a logout ends the session; without, it only clears the cookie in the browser,
            the mistake that a thief with a copy of the cookie lives on.
    """

    def __init__(self, accounts: Accounts, emitter: SessionEmitter, *, ends_sessions: bool) -> None:
        self._accounts = accounts
        self._emitter = emitter
        self._ends_sessions = ends_sessions
        self._pages: dict[tuple[str, str], Callable[[RequestSession, dict[str, Any]], Answer]] = {
            ("GET", "/"): self._home,
            ("POST", "/login"): self._login,
            ("GET", "/account"): self._account,
            ("POST", "/transfer"): self._transfer,
            ("POST", "/logout"): self._logout,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        page = self._pages.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if page is None:
            return _send(Answer(HTTPStatus.NOT_FOUND, {"error": "no such page"}), start_response)
        form = _form(environ)
        if form is None:
            return _send(Answer(HTTPStatus.BAD_REQUEST, {"error": "not a form"}), start_response)
        return _send(page(environ["sessionwatch"], form), start_response)

    def _home(self, _request: RequestSession, _form: dict[str, Any]) -> Answer:
        return Answer(HTTPStatus.OK, {"app": self._emitter.app})

    def _login(self, request: RequestSession, form: dict[str, Any]) -> Answer:
        user, password = str(form.get("user", ""))[:200], str(form.get("password", ""))[:200]
        if not self._accounts.password_fits(user, password):
            known = user if self._accounts.knows(user) else None
            request.failed(reason="bad_credentials", user=known, user_typed=user, auth_method="password")
            return Answer(HTTPStatus.UNAUTHORIZED, {"error": "user or password is wrong"})
        # Always a new cookie: one that somebody planted before the login must not become a session.
        cookie = self._accounts.begin_session(user)
        request.created(cookie, user=user, auth_method="password")
        return Answer(HTTPStatus.OK, self._page(user, cookie), f"{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Lax")

    def _account(self, request: RequestSession, _form: dict[str, Any]) -> Answer:
        user = self._user(request)
        return Answer(HTTPStatus.OK, self._page(user, request.session or "")) if user else _NO_SESSION

    def _transfer(self, request: RequestSession, form: dict[str, Any]) -> Answer:
        user = self._user(request)
        if user is None:
            return _NO_SESSION
        cents = form.get("cents")
        if not isinstance(cents, int) or not 0 < cents <= 100_000 or not self._accounts.spend(user, cents):
            return Answer(HTTPStatus.CONFLICT, {"error": "not possible"})
        return Answer(HTTPStatus.OK, self._page(user, request.session or ""))

    def _logout(self, request: RequestSession, _form: dict[str, Any]) -> Answer:
        session = self._accounts.session(request.session) if request.session else None
        if session is None or request.session is None:
            return _NO_SESSION
        if self._ends_sessions:
            self._accounts.end_session(request.session)
        request.destroyed(user=session.user, reason="logout")
        return Answer(HTTPStatus.OK, {"goodbye": session.user}, "")

    def _user(self, request: RequestSession) -> str | None:
        """Return who is signed in, and tell the emitter what became of the cookie."""
        if request.session is None:
            return None
        session = self._accounts.session(request.session)
        if session is None:
            request.failed(request.session, reason="unknown_session")
            return None
        request.accept(session.user)
        return session.user

    def _page(self, user: str, cookie: str) -> dict[str, object]:
        # The reference is the hash that events carry: what a user may read out to support, and no credential.
        reference = self._emitter.keys.session_id(cookie)
        return {"user": user, "balance_cents": self._accounts.balance_cents(user), "session": reference}


def _form(environ: WSGIEnvironment) -> dict[str, Any] | None:
    """Return the posted fields, None if they cannot be read.

    JSON only: another site's page cannot send it with somebody's cookie without being asked first (CORS).
    """
    if environ["REQUEST_METHOD"] != "POST":
        return {}
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isascii() or not length.isdigit() or int(length) > LARGEST_BODY:
        return None
    body = environ["wsgi.input"].read(int(length))
    if not body:
        return {}
    if environ.get("CONTENT_TYPE", "").partition(";")[0] != "application/json":
        return None
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _send(answer: Answer, start_response: StartResponse) -> Iterable[bytes]:
    body = json.dumps(answer.content).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    if answer.cookie is not None:
        # Without Secure: the demo speaks plain HTTP on loopback. A real app must set it.
        headers.append(("Set-Cookie", answer.cookie or _CLEARED))
    start_response(f"{answer.status.value} {answer.status.phrase}", headers)
    return [body]
