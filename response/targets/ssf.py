"""A CAEP transmitter: revocations as security event tokens, pushed (RFC 8935) or polled (RFC 8936)."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from response.clock import Clock, now_us
from response.http import DEADLINE_S, Answer, HttpClient, HttpFailed
from response.outcome import DELIVERED, Outcome
from response.ssf.keys import KeyRing
from response.ssf.stream import Stream, Streams
from response.ssf.subject import Subject, session_subject, user_subject
from response.ssf.token import security_event_token
from response.ssf.vocabulary import SESSION_REVOKED, SET_TYPE, ErrorCode
from response.targets.webhook import outcome_of
from response.text import safe
from schemas.instant import SECOND, to_us
from schemas.revocation import Scope, WebhookBody
from store.rows import OutboxMessage

CONTROL_KIND = "ssf.control"
"""Messages that concern a stream itself: verification, stream-updated."""

POLL_PAUSE_US = 5 * SECOND
"""While the receiver is to act first; what it changes in its stream ends the pause at once."""

SessionName = Literal["session_id", "idp_session_id"]

FindIdpSession = Callable[[str, str], str | None]
"""Returns the identity provider's name of an app's session; may be called by any thread."""

_ERRORS: frozenset[str] = frozenset(ErrorCode.__args__)  # type: ignore[attr-defined]
_FOR_USERS = {"en": "Your session was ended for your security. Please sign in again."}


class Undeliverable(Exception):
    """This message can never become a token of this stream; the text says why."""


class Control(msgspec.Struct, frozen=True):
    """The payload of a `CONTROL_KIND` message."""

    event_type: str
    event: dict[str, str]
    stream_id: str


class SsfTarget:
    """Sends revocations to a receiver of security events.

    A message waits while the receiver has no stream, has paused it, or is to poll; it leaves by the lane's next try,
    or by the receiver's next poll. The token of a message is the same on every try.

    Args:
        name, app: as in the configuration.
        receiver: whose stream carries it.
        audience: who it is for, as the receiver knows itself.
        issuer: of the tokens.
        keys: sign them.
        streams: what the receiver has asked for.
        user_issuer: whose user ids the app's are; None = the issuer of the tokens.
        session: by which name the receiver knows sessions.
        find_idp_session: needed for `idp_session_id`.
        allow_private: loopback and private addresses are allowed for a URL of the configuration. One that a receiver
            has registered is public in any case.
        ssl_context: replaces the system's trust store.
        deadline_s: for one try, seconds.
    """

    kind = "ssf"
    scopes: frozenset[Scope] = frozenset({"session", "user"})
    # CAEP has no event that takes a revocation back.
    kinds = frozenset({"session.revoked"})

    def __init__(
        self,
        name: str,
        app: str,
        receiver: str,
        *,
        audience: str,
        issuer: str,
        keys: KeyRing,
        streams: Streams,
        user_issuer: str | None = None,
        session: SessionName = "session_id",
        find_idp_session: FindIdpSession = lambda _app, _session: None,
        allow_private: bool = False,
        ssl_context: ssl.SSLContext | None = None,
        deadline_s: float = DEADLINE_S,
        clock: Clock = now_us,
    ) -> None:
        self.name = name
        self.app = app
        self.receiver = receiver
        self._audience = audience
        self._issuer = issuer
        self._keys = keys
        self._streams = streams
        self._user_issuer = user_issuer or issuer
        self._session = session
        self._find_idp_session = find_idp_session
        self._standing = HttpClient(allow_private=allow_private, deadline_s=deadline_s, ssl_context=ssl_context)
        self._registered = HttpClient(allow_private=False, deadline_s=deadline_s, ssl_context=ssl_context)
        self._clock = clock

    def deliver(self, message: OutboxMessage) -> Outcome:
        """Push the message's token once, or leave it to the receiver's next poll."""
        stream = self._streams.of(self.receiver)
        if stream is None:
            return Outcome("retry", "the receiver has made no stream yet", POLL_PAUSE_US)
        try:
            token = self.token_of(message, stream)
        except Undeliverable as refused:
            return Outcome("refused", str(refused))
        if stream.status == "paused" and message.kind != CONTROL_KIND:
            return Outcome("retry", "the stream is paused", POLL_PAUSE_US)
        if stream.endpoint_url is None:
            return Outcome("retry", "the receiver has not polled it yet", POLL_PAUSE_US)
        client = self._standing if stream.standing else self._registered
        try:
            answer = client.post(stream.endpoint_url, _headers(stream), token.encode())
        except HttpFailed as error:
            return Outcome("retry", safe(str(error)))
        return push_outcome(answer, self._clock())

    def token_of(self, message: OutboxMessage, stream: Stream) -> str:
        """Return the token that carries a message. Any thread may ask.

        Raises:
            Undeliverable: the stream cannot carry it.
            KeysUnusable: there is no key to sign it with.
        """
        if message.kind == CONTROL_KIND:
            control = msgspec.json.decode(message.payload, type=Control)
            sub_id: Subject = {"format": "opaque", "id": control.stream_id}
            return self._signed(message, sub_id, control.event_type, control.event)
        if message.kind != "session.revoked":
            raise Undeliverable(f"CAEP has no event for {message.kind}")
        if stream.status == "disabled":
            raise Undeliverable("the stream is disabled")
        if SESSION_REVOKED not in stream.delivered:
            raise Undeliverable("the receiver's stream does not ask for session-revoked")
        body = WebhookBody.model_validate_json(message.payload)
        sub_id = self._subject(body)
        if stream.excludes(sub_id):
            raise Undeliverable("the receiver has removed this subject from its stream")
        return self._signed(message, sub_id, SESSION_REVOKED, _event(body))

    def close(self) -> None:
        """Let go of connections."""
        self._standing.close()
        self._registered.close()

    def _signed(self, message: OutboxMessage, sub_id: Subject, event_type: str, event: Mapping[str, object]) -> str:
        return security_event_token(
            self._keys.current(),
            issuer=self._issuer,
            audience=self._audience,
            jti=message.message_id,
            issued_s=message.created_us // SECOND,
            sub_id=sub_id,
            event_type=event_type,
            event=event,
            txn=message.subject or None,
        )

    def _subject(self, body: WebhookBody) -> Subject:
        data = body.data
        user = None if data.user_id is None else user_subject(self._user_issuer, data.user_id)
        if data.scope == "user":
            if user is None:
                raise Undeliverable("the revocation names no user")
            return session_subject(user, None)
        session = data.session_id
        if session is not None and self._session == "idp_session_id":
            session = self._find_idp_session(data.app, session)
        if session is None:
            # Without it the token would speak of all of the user's sessions.
            raise Undeliverable("the name of the session that the receiver knows is not known here")
        return session_subject(user, session)


def push_outcome(answer: Answer, now: int) -> Outcome:
    """Return what the answer to a push means: RFC 8935 section 2.

    Args:
        answer: of the receiver.
        now: microseconds since the epoch, for a Retry-After that names a date.
    """
    if answer.status == 202:
        return DELIVERED
    if answer.status == 400:
        return _refusal(answer)
    if 200 <= answer.status < 300:
        return Outcome("retry", f"answered {answer.status}, where 202 says that a token was taken")
    return outcome_of(answer, now)


class _Refusal(msgspec.Struct):
    err: str
    description: str = ""


def _refusal(answer: Answer) -> Outcome:
    try:
        refusal = msgspec.json.decode(answer.body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Outcome("retry", "answered 400 without an error of RFC 8935")
    if refusal.err not in _ERRORS:
        return Outcome("retry", "answered 400 with an unknown error")
    return Outcome("refused", safe(f"answered {refusal.err}: {refusal.description}"))


def _headers(stream: Stream) -> dict[str, str]:
    headers = {"content-type": f"application/{SET_TYPE}", "accept": "application/json", "user-agent": "sessionwatch"}
    if stream.authorization is not None:
        headers["authorization"] = stream.authorization
    return headers


def _event(body: WebhookBody) -> dict[str, object]:
    return {
        "event_timestamp": to_us(body.timestamp) // SECOND,
        "initiating_entity": "admin" if body.data.rule_id is None else "policy",
        "reason_admin": {"en": safe(body.data.reason)},
        "reason_user": _FOR_USERS,
    }
