"""What the pipeline asks of an app: to end sessions, let them go on, ask for a step-up, or let nobody sign in."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from sessionwatch_emitter.errors import EmitterError

_TYPES = ("session.revoked", "session.released", "session.step_up_required", "session.login_locked")
_SESSION_ID = re.compile(r"s_[A-Za-z0-9_-]{1,126}", re.ASCII)


class RefusedMessageError(EmitterError):
    """A message is answered with an error; its text is for the pipeline's operator.

    Args:
        status: the HTTP status that says so.
        reason: the text.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Revocation:
    """What a webhook asks for.

    Attributes:
        type: session.revoked, session.released, session.step_up_required or session.login_locked.
        timestamp_us: when it was decided, in microseconds since the epoch.
        revocation_id: the same in every retry.
        app: the app it speaks to.
        scope: session, user, or login (whoever signs in as the user).
        session_id: the session, by its hashed id; None for the other scopes.
        user_id: the user, if known.
        sequence: rises with every message on the same subject.
        reason: for people.
        until_us: of session.login_locked: its end, in microseconds since the epoch.
    """

    type: str
    timestamp_us: int
    revocation_id: str
    app: str
    scope: Literal["session", "user", "login"]
    session_id: str | None
    user_id: str | None
    sequence: int
    reason: str | None
    until_us: int | None = None

    @property
    def subject(self) -> str:
        """The id of the session or user that it is about."""
        return (self.session_id if self.scope == "session" else self.user_id) or ""


def parse_revocation(body: bytes) -> Revocation:
    """Return what a message's body says.

    Raises:
        RefusedMessageError: it is no message, or of a kind that is unknown here.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedMessageError(400, "the body is not JSON") from None
    data = _field(message, "data", dict)
    kind = _field(message, "type", str)
    if kind not in _TYPES:
        raise RefusedMessageError(422, "this type of message is unknown here")
    scope = _field(data, "scope", str)
    if scope not in ("session", "user", "login"):
        raise RefusedMessageError(422, "scope must be session, user or login")
    if (kind == "session.login_locked") != (scope == "login") and kind != "session.released":
        raise RefusedMessageError(422, f"{kind} has no scope {scope}")
    session_id = _field(data, "session_id", str | None)
    user_id = _field(data, "user_id", str | None)
    if session_id is not None and not _SESSION_ID.fullmatch(session_id):
        raise RefusedMessageError(400, "session_id is not a hashed id")
    if not (session_id if scope == "session" else user_id):
        raise RefusedMessageError(400, f"scope {scope} needs {'session_id' if scope == 'session' else 'user_id'}")
    sequence = _field(data, "sequence", int)
    if isinstance(sequence, bool) or not 0 <= sequence < 2**63:
        raise RefusedMessageError(400, "sequence is out of range")
    return Revocation(
        type=kind,
        timestamp_us=_moment_us(_field(message, "timestamp", str)),
        revocation_id=_field(data, "revocation_id", str),
        app=_field(data, "app", str),
        scope=cast(Literal["session", "user", "login"], scope),
        session_id=session_id,
        user_id=user_id,
        sequence=sequence,
        reason=_field(data, "reason", str | None),
        until_us=_moment_us(_field(data, "until", str), "until") if kind == "session.login_locked" else None,
    )


def _field(source: Any, name: str, kind: Any) -> Any:
    value = source.get(name) if isinstance(source, dict) else None
    if not isinstance(value, kind):
        raise RefusedMessageError(400, f"{name} is missing or of the wrong type")
    return value


def _moment_us(text: str, name: str = "timestamp") -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedMessageError(400, f"{name} is not RFC 3339") from None
    if moment.tzinfo is None:
        raise RefusedMessageError(400, f"{name} lacks its offset")
    return int(moment.timestamp() * 1e6)
