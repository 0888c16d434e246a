"""The app's side of a revocation: takes the pipeline's signed webhook and acts on it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from sessionwatch_emitter.emitter import SessionEmitter
from sessionwatch_emitter.errors import RevocationListError, SecretError
from sessionwatch_emitter.message import RefusedMessageError, read_message
from sessionwatch_emitter.revocation_list import Outcome, RevocationList
from sessionwatch_emitter.revocation_message import Revocation, read_revocation
from sessionwatch_emitter.user_notice import TYPE as NOTICE
from sessionwatch_emitter.user_notice import UserNotice, read_notice
from sessionwatch_emitter.webhook_signature import in_time, is_signed, read_webhook_secret

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

LARGEST_BODY = 64 * 1024

_LONGEST_ID = 256
_log = logging.getLogger("sessionwatch_emitter")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, for any framework to send: status, and a body in plain text."""

    status: int
    body: bytes


class RevocationReceiver:
    """Verifies and carries out revocations.

    Args:
        revocations: the app's list.
        emitter: tells at once that a session was revoked.
        secrets: `whsec_...`, several while one is being replaced.
        app: the app's name; the emitter's, if left out. A message to another app is refused.
        on_step_up: called when a session has to prove anew who uses it. Without it the middleware's `step_up` does;
            without either such a message gets 422.
        on_login_locked: called when nobody may sign in as a user until a time, with `until_us`, after the list was
            told. Without it the list's `judges_logins` must say that the app asks the list; else such a message
            gets 422.
        on_login_released: its counterpart: called when that user may sign in again before the time is over, and where
            such a lock ends without having taken effect here.
        on_notice: called with what a user is to be told, as by the app's own mail. Without it such a message gets 422.
        clock: the wall clock in seconds since the epoch.

    Raises:
        SecretError: a secret is malformed, or there is none.
    """

    def __init__(
        self,
        revocations: RevocationList,
        emitter: SessionEmitter,
        *,
        secrets: Sequence[str],
        app: str | None = None,
        on_step_up: Callable[[Revocation], None] | None = None,
        on_login_locked: Callable[[Revocation], None] | None = None,
        on_login_released: Callable[[Revocation], None] | None = None,
        on_notice: Callable[[UserNotice], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not secrets:
            raise SecretError("the receiver needs a webhook secret")
        self._keys = [read_webhook_secret(secret) for secret in secrets]
        self._revocations = revocations
        self._emitter = emitter
        self._app = app or emitter.app
        self._on_step_up = on_step_up
        self._on_login_locked = on_login_locked
        self._on_login_released = on_login_released
        self._on_notice = on_notice
        self._clock = clock

    def __repr__(self) -> str:
        return f"RevocationReceiver({self._app!r})"

    def receive(self, headers: Mapping[str, str], body: bytes) -> Response:
        """Deal with one request, whatever framework took it.

        Args:
            headers: the request's headers; their case does not count.
            body: the raw body.
        """
        try:
            message_id = self._verify({name.lower(): value for name, value in headers.items()}, body)
            message = read_message(body)
            if message.get("type") == NOTICE:
                return self._notify(read_notice(message), message_id)
            revocation = read_revocation(message)
            if revocation.app != self._app:
                raise RefusedMessageError(422, f"this is not the app {revocation.app[:64]!r}")
            return self._carry_out(revocation, message_id)
        except RefusedMessageError as refused:
            return _response(refused.status, refused.reason)
        except RevocationListError as error:
            # Not a 4xx: the pipeline is to try again.
            _log.error("a revocation could not be carried out: %s", error)
            return _response(503, "the revocation list cannot be written")

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a WSGI app, to be mounted at the path that the pipeline knows."""
        response = self._take(environ)
        start_response(
            f"{response.status} {HTTPStatus(response.status).phrase}",
            [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", str(len(response.body))),
                ("Cache-Control", "no-store"),
                *([("Allow", "POST")] if response.status == 405 else []),
            ],
        )
        return [response.body]

    def _take(self, environ: WSGIEnvironment) -> Response:
        if environ.get("REQUEST_METHOD") != "POST":
            return _response(405, "POST a message")
        length = environ.get("CONTENT_LENGTH") or ""
        if not (length.isascii() and length.isdigit()):
            return _response(411, "a Content-Length is needed")
        if len(length) > 8 or int(length) > LARGEST_BODY:
            return _response(413, f"a message has at most {LARGEST_BODY} bytes")
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        headers = {name: environ.get("HTTP_" + name.upper().replace("-", "_"), "") for name in names}
        return self.receive(headers, environ["wsgi.input"].read(int(length)))

    def _verify(self, headers: Mapping[str, str], body: bytes) -> str:
        if len(body) > LARGEST_BODY:
            raise RefusedMessageError(413, f"a message has at most {LARGEST_BODY} bytes")
        message_id = headers.get("webhook-id", "")
        timestamp = headers.get("webhook-timestamp", "")
        signatures = headers.get("webhook-signature", "")
        if not (message_id and timestamp and signatures) or len(message_id) > _LONGEST_ID:
            raise RefusedMessageError(400, "webhook-id, webhook-timestamp and webhook-signature are needed")
        if not in_time(timestamp, self._clock()):
            raise RefusedMessageError(401, "webhook-timestamp is more than five minutes off: compare the clocks")
        if not is_signed(self._keys, message_id, timestamp, body, signatures):
            raise RefusedMessageError(401, "no signature fits: compare the secrets")
        return message_id

    def _carry_out(self, revocation: Revocation, message_id: str) -> Response:
        if revocation.type == "session.step_up_required":
            return self._step_up(revocation, message_id)
        if revocation.type == "session.login_locked":
            return self._lock_login(revocation, message_id)
        if revocation.type == "session.released" and revocation.scope == "login":
            return self._release_login(revocation, message_id)
        if revocation.type == "session.released":
            outcome = self._revocations.release(
                revocation.scope, revocation.subject, revocation.sequence, message_id=message_id
            )
        elif revocation.scope == "user":
            if not self._revocations.judges_users:
                raise RefusedMessageError(422, "no user scope here: the middleware lacks user_of and started_of")
            outcome = self._revocations.revoke_user(
                revocation.subject, revocation.sequence, revocation.timestamp_us, message_id=message_id
            )
        else:
            outcome = self._revocations.revoke_session(revocation.subject, revocation.sequence, message_id=message_id)
        if outcome is Outcome.APPLIED and revocation.type == "session.revoked" and revocation.session_id:
            self._emitter.revoked(revocation.session_id, user=revocation.user_id)
        return _response(200, outcome.value)

    def _step_up(self, revocation: Revocation, message_id: str) -> Response:
        if self._on_step_up is None:
            if not self._revocations.asks_step_up or revocation.session_id is None:
                raise RefusedMessageError(422, "this app cannot ask for a step-up: it lacks on_step_up")
            return _response(200, self._revocations.ask_step_up(revocation.session_id, message_id=message_id).value)
        step_up = self._on_step_up
        return self._once(message_id, "on_step_up", lambda: step_up(revocation))

    def _lock_login(self, revocation: Revocation, message_id: str) -> Response:
        locked = self._on_login_locked
        if locked is None and not self._revocations.judges_logins:
            raise RefusedMessageError(422, "this app cannot lock a login: it lacks on_login_locked and judges_logins")
        assert revocation.until_us is not None
        outcome = self._revocations.lock_login(revocation.subject, revocation.sequence, revocation.until_us)
        if locked is None or outcome is Outcome.STALE:
            return _response(200, outcome.value)
        return self._once(message_id, "on_login_locked", lambda: locked(revocation))

    def _release_login(self, revocation: Revocation, message_id: str) -> Response:
        released = self._on_login_released
        if released is None:
            outcome = self._revocations.release("login", revocation.subject, revocation.sequence, message_id=message_id)
            return _response(200, outcome.value)
        # Without the message's id: it is remembered once the app's own part is done.
        outcome = self._revocations.release("login", revocation.subject, revocation.sequence)
        if outcome is Outcome.STALE:
            return _response(200, outcome.value)
        return self._once(message_id, "on_login_released", lambda: released(revocation))

    def _notify(self, notice: UserNotice, message_id: str) -> Response:
        if notice.app != self._app:
            raise RefusedMessageError(422, f"this is not the app {notice.app[:64]!r}")
        notify = self._on_notice
        if notify is None:
            raise RefusedMessageError(422, "this app tells its users nothing: it lacks on_notice")
        return self._once(message_id, "on_notice", lambda: notify(notice))

    def _once(self, message_id: str, name: str, call: Callable[[], None]) -> Response:
        """Call what the app has given for a message, unless that was done for it before."""
        if self._revocations.met(message_id):
            return _response(200, Outcome.REPEATED.value)
        try:
            call()
        except Exception as error:  # noqa: BLE001 - whatever the app's callback raises
            # Without the error's text: it could quote the session.
            _log.error("%s failed with %s", name, type(error).__name__)
            return _response(500, f"the app's {name} failed")
        self._revocations.remember(message_id)
        return _response(200, Outcome.APPLIED.value)


def _response(status: int, text: str) -> Response:
    return Response(status, f"{text}\n".encode("utf-8", "replace"))
