"""What the pipeline asks of an app: to end sessions, let them go on, ask for a step-up, or let nobody sign in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from sessionwatch_emitter.message import RefusedMessageError, field, moment

_TYPES = ("session.revoked", "session.released", "session.step_up_required", "session.login_locked")
_SESSION_ID = re.compile(r"s_[A-Za-z0-9_-]{1,126}", re.ASCII)


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


def read_revocation(message: dict[str, Any]) -> Revocation:
    """Return what a message asks for.

    Raises:
        RefusedMessageError: it lacks something, or is of a kind that is unknown here.
    """
    data = field(message, "data", dict)
    kind = field(message, "type", str)
    if kind not in _TYPES:
        raise RefusedMessageError(422, "this type of message is unknown here")
    scope = field(data, "scope", str)
    if scope not in ("session", "user", "login"):
        raise RefusedMessageError(422, "scope must be session, user or login")
    if (kind == "session.login_locked") != (scope == "login") and kind != "session.released":
        raise RefusedMessageError(422, f"{kind} has no scope {scope}")
    session_id = field(data, "session_id", str | None)
    user_id = field(data, "user_id", str | None)
    if session_id is not None and not _SESSION_ID.fullmatch(session_id):
        raise RefusedMessageError(400, "session_id is not a hashed id")
    if not (session_id if scope == "session" else user_id):
        raise RefusedMessageError(400, f"scope {scope} needs {'session_id' if scope == 'session' else 'user_id'}")
    sequence = field(data, "sequence", int)
    if isinstance(sequence, bool) or not 0 <= sequence < 2**63:
        raise RefusedMessageError(400, "sequence is out of range")
    return Revocation(
        type=kind,
        timestamp_us=_to_us(moment(message, "timestamp")),
        revocation_id=field(data, "revocation_id", str),
        app=field(data, "app", str),
        scope=cast(Literal["session", "user", "login"], scope),
        session_id=session_id,
        user_id=user_id,
        sequence=sequence,
        reason=field(data, "reason", str | None),
        until_us=_to_us(moment(data, "until")) if kind == "session.login_locked" else None,
    )


def _to_us(instant: datetime) -> int:
    return int(instant.timestamp() * 1e6)
