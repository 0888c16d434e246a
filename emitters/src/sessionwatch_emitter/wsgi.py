"""A WSGI middleware: refuses revoked sessions before the app sees them, and tells what it accepted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sessionwatch_emitter.client_address import LOOPBACK, ClientAddress
from sessionwatch_emitter.cookies import SessionCookies
from sessionwatch_emitter.emitter import Raw, SessionEmitter
from sessionwatch_emitter.errors import RevocationListError
from sessionwatch_emitter.revocation_list import Refusal, RevocationList

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    UserOf = Callable[[WSGIEnvironment], str | None]
    StartedOf = Callable[[WSGIEnvironment], datetime | float | None]
    TextOf = Callable[[WSGIEnvironment], str | None]
    Accepted = Callable[[WSGIEnvironment, int], bool]

ENVIRON_KEY = "sessionwatch"
SESSION_ENVIRON_KEY = "sessionwatch.session"
# No browser has more cookies of one name by accident, and each costs a look-up.
MOST_COOKIES = 8

_log = logging.getLogger("sessionwatch_emitter")


class RequestSession:
    """One request's view of the emitter, at `environ["sessionwatch"]`: address and agent are filled in.

    Attributes:
        session: the raw session value that the client has shown, or None.
        ip: the client's address.
        user_agent: its User-Agent header.
        device_id: the app's name for the device.
    """

    __slots__ = ("_emitter", "_revocations", "_time_us", "device_id", "ip", "session", "told", "user_agent")

    def __init__(
        self,
        emitter: SessionEmitter,
        session: str | None,
        ip: str | None,
        user_agent: str | None,
        device_id: str | None,
        revocations: RevocationList | None = None,
    ) -> None:
        self._emitter = emitter
        self._revocations = revocations
        # A use happens when the request comes in: a slow answer must not look like a use after a revocation.
        self._time_us = time.time_ns() // 1000
        self.session = session
        self.ip = ip
        self.user_agent = user_agent
        self.device_id = device_id
        self.told = False
        """Whether the app itself has said what became of the session in this request."""

    def __repr__(self) -> str:
        return f"RequestSession(ip={self.ip!r})"

    def accept(self, user: str | int | None = None) -> None:
        """The app has found the shown session valid, and whose it is."""
        if self.session is not None:
            self.validated(self.session, user=user)

    def created(self, session: Raw, *, user: str | int | None = None, **fields: Any) -> None:
        """A session began in this request; further fields are those of `SessionEmitter.created`."""
        self.told = True
        self._emitter.created(session, user=user, **{**self._client(), **fields})

    def validated(self, session: Raw, *, user: str | int | None = None, **fields: Any) -> None:
        """A session was accepted; further fields are those of `SessionEmitter.validated`.

        With the reason `step_up` its user has proved anew who they are, and is asked no more.
        """
        self.told = True
        if fields.get("reason") == "step_up" and self._revocations is not None:
            try:
                self._revocations.step_up_done(self._emitter.keys.session_ids(session))
            except RevocationListError as error:
                _log.error("a step-up could not be noted: %s", error)
        self._emitter.validated(session, user=user, **{**self._client(), "time_us": self._time_us, **fields})

    def failed(self, session: Raw | None = None, *, reason: str, **fields: Any) -> None:
        """A login or a session was refused; `session` is the shown one, if the reason speaks of a session."""
        self.told = True
        self._emitter.failed(session, reason=reason, **{**self._client(), **fields})

    def destroyed(self, session: Raw | None = None, *, reason: str = "logout", **fields: Any) -> None:
        """A session ended: the shown one, if none is given."""
        self.told = True
        self._emitter.destroyed(session or self.session, reason=reason, **{**self._client(), **fields})

    def refused(self, session_id: str) -> None:
        """A revoked session, by its hashed id, was refused."""
        self.told = True
        self._emitter.refused(session_id, **self._client())

    def _client(self) -> dict[str, Any]:
        return {"ip": self.ip, "user_agent": self.user_agent, "device_id": self.device_id}


class SessionWatchMiddleware:
    """Wraps a WSGI app.

    A use is told when the app says so, by `environ["sessionwatch"].accept(user)`, or else when `user_of`
    finds a user and the app answers neither 401 nor 403.

    Of the session's cookie the app is shown one value in one spelling, so that it reads what was looked up: the
    first one that is not revoked, so that a revoked one from a neighbouring domain locks nobody out.

    Args:
        app: the app.
        emitter: sends the events.
        session_cookie: the name of the session's cookie.
        last_cookie_wins: if a request shows several, try the last one first, as Django and http.cookies read
            them; else the first one, as Werkzeug and Flask do.
        session_of: reads the raw session value, where it does not stand in a cookie as it is.
        user_of: whose session it is; None if nobody is signed in.
        started_of: when the session began, as a datetime with a zone or in seconds since the epoch. With
            `user_of`, it lets the app honour revocations of all sessions of a user.
        device_of: the app's own name for the device.
        accepted: says by the status of the answer whether the session was accepted.
        trusted_proxies: networks whose X-Forwarded-For is believed; see `ClientAddress`.
        revocations: the list to ask; the emitter's, if left out.
        step_up: a WSGI app that answers in the app's place while a session's user has yet to prove who they are, such
            as a redirect to the sign-in. Once they have, the app says so by
            `environ["sessionwatch"].validated(session, user=user, reason="step_up")`.
        step_up_paths: beginnings of paths that reach the app all the same: the pages on which users prove it, and what
            these pages load.
        cookie_path: the path of the session's cookie, needed to clear it.
        cookie_domain: its domain, if it has one.
    """

    def __init__(
        self,
        app: WSGIApplication,
        emitter: SessionEmitter,
        *,
        session_cookie: str = "session",
        last_cookie_wins: bool = False,
        session_of: TextOf | None = None,
        user_of: UserOf | None = None,
        started_of: StartedOf | None = None,
        device_of: TextOf | None = None,
        accepted: Accepted | None = None,
        trusted_proxies: Iterable[str] = LOOPBACK,
        revocations: RevocationList | None = None,
        step_up: WSGIApplication | None = None,
        step_up_paths: Iterable[str] = (),
        cookie_path: str = "/",
        cookie_domain: str | None = None,
    ) -> None:
        self._app = app
        self._emitter = emitter
        self._cookie = session_cookie
        self._last_cookie_wins = last_cookie_wins
        self._session_of = session_of
        self._user_of = user_of
        self._started_of = started_of
        self._device_of = device_of
        self._accepted = accepted or _neither_401_nor_403
        self._address = ClientAddress(trusted_proxies)
        self._revocations = revocations or emitter.revocations
        if self._revocations is not None and user_of is not None and started_of is not None:
            self._revocations.judges_users = True
        self._step_up = step_up
        self._step_up_paths = tuple(step_up_paths)
        if self._revocations is not None and step_up is not None:
            self._revocations.asks_step_up = True
        domain = f"; Domain={cookie_domain}" if cookie_domain else ""
        self._cleared = f"{session_cookie}=; Path={cookie_path}{domain}; Max-Age=0; HttpOnly; SameSite=Lax"
        # Browsers ignore whatever sets such a cookie without it (RFC 6265bis).
        self._needs_secure = session_cookie.lower().startswith(("__host-", "__secure-"))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request, refusal = self._admit(environ)
        if refusal is not None:
            return self._refuse(environ, refusal, start_response)
        if self._step_up is not None and self._has_to_step_up(environ, request):
            # The app is not asked, so nothing was accepted.
            return self._step_up(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            self._tell(environ, request, status)
            return start_response(status, headers, *exc_info)

        return self._app(environ, start)

    def _has_to_step_up(self, environ: WSGIEnvironment, request: RequestSession) -> bool:
        if self._revocations is None or request.session is None:
            return False
        if environ.get("PATH_INFO", "").startswith(self._step_up_paths):
            return False
        return self._revocations.needs_step_up(self._emitter.keys.session_ids(request.session))

    def _admit(self, environ: WSGIEnvironment) -> tuple[RequestSession, Refusal | None]:
        """Leave in the request the first session that may pass; tell each one before it that may not."""
        cookies = SessionCookies(environ.get("HTTP_COOKIE", ""), self._cookie)
        values: list[str | None] = [*cookies.values]
        if self._last_cookie_wins:
            values.reverse()
        for value in values[:MOST_COOKIES] or [None]:
            if "HTTP_COOKIE" in environ:
                environ["HTTP_COOKIE"] = cookies.header(value)
            request = self._request(environ, value)
            environ[ENVIRON_KEY] = environ[SESSION_ENVIRON_KEY] = request
            refusal = self._refusal(environ, request.session)
            if refusal is None or refusal.scope is None:
                return request, refusal
            if refusal.scope == "session":
                request.refused(refusal.subject)
            else:
                request.failed(request.session, reason="revoked", user=refusal.subject)
        return request, refusal

    def _request(self, environ: WSGIEnvironment, cookie: str | None) -> RequestSession:
        return RequestSession(
            self._emitter,
            cookie if self._session_of is None else _ask(self._session_of, environ) or None,
            self._address.of(environ.get("REMOTE_ADDR"), environ.get("HTTP_X_FORWARDED_FOR")),
            _header_text(environ.get("HTTP_USER_AGENT")),
            _ask(self._device_of, environ) if self._device_of is not None else None,
            self._revocations,
        )

    def _refusal(self, environ: WSGIEnvironment, session: str | None) -> Refusal | None:
        revocations = self._revocations
        if revocations is None or session is None:
            return None
        session_ids = self._emitter.keys.session_ids(session)
        if not (revocations.judges_users and revocations.has_users()):
            return revocations.refusal(session_ids)
        user_id = _ask(self._user_of, environ)
        started_us = _microseconds(_ask(self._started_of, environ)) if user_id is not None else None
        return revocations.refusal(session_ids, user_id=user_id, started_us=started_us)

    def _refuse(self, environ: WSGIEnvironment, refusal: Refusal, start_response: StartResponse) -> Iterable[bytes]:
        if refusal.scope is None:
            return _answer(start_response, "503 Service Unavailable", b"Sessions cannot be checked now.\n")
        body = b"This session has been ended. Please sign in again.\n"
        secure = self._needs_secure or environ.get("wsgi.url_scheme") == "https"
        cleared = self._cleared + ("; Secure" if secure else "")
        return _answer(start_response, "401 Unauthorized", body, ("Set-Cookie", cleared))

    def _tell(self, environ: WSGIEnvironment, request: RequestSession, status: str) -> None:
        if request.told or request.session is None or self._user_of is None:
            return
        try:
            if self._accepted(environ, int(status[:3])):
                user = self._user_of(environ)
                if user is not None:
                    request.accept(user)
        except Exception as error:  # noqa: BLE001 - whatever the app's callbacks raise
            _report(error)


def _neither_401_nor_403(_environ: WSGIEnvironment, status: int) -> bool:
    return status not in (401, 403)


def _ask(callback: Callable[[WSGIEnvironment], Any] | None, environ: WSGIEnvironment) -> Any:
    """Return what one of the app's callbacks says; its failure must not fail the request."""
    if callback is None:
        return None
    try:
        return callback(environ)
    except Exception as error:  # noqa: BLE001 - whatever the app's callback raises
        _report(error)
        return None


def _report(error: Exception) -> None:
    # Without the error's text: it could quote the session.
    _log.error("a callback of the middleware failed with %s", type(error).__name__)


def _microseconds(moment: datetime | float | None) -> int | None:
    if moment is None:
        return None
    return int((moment.timestamp() if isinstance(moment, datetime) else moment) * 1e6)


def _header_text(value: str | None) -> str | None:
    """Return a header as it was meant: WSGI hands bytes over as Latin-1 (PEP 3333), most send UTF-8."""
    if value is None or value.isascii():
        return value
    try:
        return value.encode("latin-1").decode("utf-8", "replace")
    except UnicodeEncodeError:
        return value


def _answer(start_response: StartResponse, status: str, body: bytes, *headers: tuple[str, str]) -> Iterable[bytes]:
    start_response(
        status,
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            *headers,
        ],
    )
    return [body]
