"""The app's side of a revocation: takes the pipeline's signed webhook and acts on it."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from sessionwatch_emitter.emitter import SessionEmitter
from sessionwatch_emitter.errors import RevocationListError, SecretError
from sessionwatch_emitter.revocation_list import Outcome, RevocationList
from sessionwatch_emitter.webhook_signature import in_time, is_signed, read_webhook_secret

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

LARGEST_BODY = 64 * 1024

_SESSION_ID = re.compile(r"s_[A-Za-z0-9_-]{1,126}", re.ASCII)
_LONGEST_ID = 256
_log = logging.getLogger("sessionwatch_emitter")


@dataclass(frozen=True, slots=True)
class Revocation:
    """What a webhook asks for.

    Attributes:
        type: session.revoked, session.released or session.step_up_required.
        timestamp_us: when it was decided, in microseconds since the epoch.
        revocation_id: the same in every retry.
        app: the app it speaks to.
        scope: session or user.
        session_id: the session, by its hashed id; None if the scope is user.
        user_id: the user, if known.
        sequence: rises with every message on the same subject.
        reason: for people.
    """

    type: str
    timestamp_us: int
    revocation_id: str
    app: str
    scope: Literal["session", "user"]
    session_id: str | None
    user_id: str | None
    sequence: int
    reason: str | None

    @property
    def subject(self) -> str:
        """The id of the session or user that it is about."""
        return (self.session_id if self.scope == "session" else self.user_id) or ""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, for any framework to send: status, and a body in plain text."""

    status: int
    body: bytes


class _RefusedError(Exception):
    """A message is answered with an error; its text is for the pipeline's operator."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class RevocationReceiver:
    """Verifies and carries out revocations.

    Args:
        revocations: the app's list.
        emitter: tells at once that a session was revoked.
        secrets: `whsec_...`, several while one is being replaced.
        app: the app's name; the emitter's, if left out. A message to another app is refused.
        on_step_up: called when a session has to prove anew who uses it; without it such a message gets 422.
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
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not secrets:
            raise SecretError("the receiver needs a webhook secret")
        self._keys = [read_webhook_secret(secret) for secret in secrets]
        self._revocations = revocations
        self._emitter = emitter
        self._app = app or emitter.app
        self._on_step_up = on_step_up
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
            revocation = _parse(body)
            if revocation.app != self._app:
                raise _RefusedError(422, f"this is not the app {revocation.app[:64]!r}")
            return self._carry_out(revocation, message_id)
        except _RefusedError as refused:
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
            raise _RefusedError(413, f"a message has at most {LARGEST_BODY} bytes")
        message_id = headers.get("webhook-id", "")
        timestamp = headers.get("webhook-timestamp", "")
        signatures = headers.get("webhook-signature", "")
        if not (message_id and timestamp and signatures) or len(message_id) > _LONGEST_ID:
            raise _RefusedError(400, "webhook-id, webhook-timestamp and webhook-signature are needed")
        if not in_time(timestamp, self._clock()):
            raise _RefusedError(401, "webhook-timestamp is more than five minutes off: compare the clocks")
        if not is_signed(self._keys, message_id, timestamp, body, signatures):
            raise _RefusedError(401, "no signature fits: compare the secrets")
        return message_id

    def _carry_out(self, revocation: Revocation, message_id: str) -> Response:
        if revocation.type == "session.step_up_required":
            return self._step_up(revocation, message_id)
        if revocation.type == "session.released":
            outcome = self._revocations.release(
                revocation.scope, revocation.subject, revocation.sequence, message_id=message_id
            )
        elif revocation.scope == "user":
            if not self._revocations.judges_users:
                raise _RefusedError(422, "no user scope here: the middleware lacks user_of and started_of")
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
            raise _RefusedError(422, "this app cannot ask for a step-up: it lacks on_step_up")
        if self._revocations.met(message_id):
            return _response(200, Outcome.REPEATED.value)
        try:
            self._on_step_up(revocation)
        except Exception as error:  # noqa: BLE001 - whatever the app's callback raises
            # Without the error's text: it could quote the session.
            _log.error("on_step_up failed with %s", type(error).__name__)
            return _response(500, "the app failed to ask for a step-up")
        self._revocations.remember(message_id)
        return _response(200, Outcome.APPLIED.value)


def _parse(body: bytes) -> Revocation:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise _RefusedError(400, "the body is not JSON") from None
    data = _field(message, "data", dict)
    kind = _field(message, "type", str)
    if kind not in ("session.revoked", "session.released", "session.step_up_required"):
        raise _RefusedError(422, "this type of message is unknown here")
    scope = _field(data, "scope", str)
    if scope not in ("session", "user"):
        raise _RefusedError(422, "scope must be session or user")
    session_id = _field(data, "session_id", str | None)
    user_id = _field(data, "user_id", str | None)
    if session_id is not None and not _SESSION_ID.fullmatch(session_id):
        raise _RefusedError(400, "session_id is not a hashed id")
    if not (session_id if scope == "session" else user_id):
        raise _RefusedError(400, f"scope {scope} needs {scope}_id")
    sequence = _field(data, "sequence", int)
    if isinstance(sequence, bool) or not 0 <= sequence < 2**63:
        raise _RefusedError(400, "sequence is out of range")
    return Revocation(
        type=kind,
        timestamp_us=_moment_us(_field(message, "timestamp", str)),
        revocation_id=_field(data, "revocation_id", str),
        app=_field(data, "app", str),
        scope="session" if scope == "session" else "user",
        session_id=session_id,
        user_id=user_id,
        sequence=sequence,
        reason=_field(data, "reason", str | None),
    )


def _field(source: Any, name: str, kind: Any) -> Any:
    value = source.get(name) if isinstance(source, dict) else None
    if not isinstance(value, kind):
        raise _RefusedError(400, f"{name} is missing or of the wrong type")
    return value


def _moment_us(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _RefusedError(400, "timestamp is not RFC 3339") from None
    if moment.tzinfo is None:
        raise _RefusedError(400, "timestamp lacks its offset")
    return int(moment.timestamp() * 1e6)


def _response(status: int, text: str) -> Response:
    return Response(status, f"{text}\n".encode("utf-8", "replace"))
