"""The revocation: a decision to end a session or all of a user's, and how far it has come."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

import msgspec
from pydantic import BaseModel, ConfigDict

from schemas.instant import DAY, to_datetime

REVOCATION_NAMESPACE = uuid.UUID("5e551094-4a7c-5c8e-9d0f-a1e27a1e2701")

Scope = Literal["session", "user", "network", "login"]
"""Whom it is about: one session, all of a user's, all that came from a network, or a user's signing in.

A network's is only ever held for a person: when it is approved, each of its live sessions gets a revocation of its own.
"""
State = Literal["requested", "suppressed", "held", "sent", "delivered", "confirmed", "failed", "released"]

LONGEST_LOCK_US = 30 * DAY
"""Of a login: what has to last longer belongs to whoever manages the accounts."""

LOCK_OVER = "its time is over"
"""The note of a login's lock that was released by itself."""

LIVE_STATES: frozenset[State] = frozenset({"requested", "sent", "delivered", "confirmed", "failed"})
"""States in which a session has been, or is being, taken away: a second alert on it changes nothing."""


class Revocation(msgspec.Struct, gc=False):
    """A revocation inside the pipeline: `RevocationView` is the same for the world outside.

    Attributes:
        revocation_id: UUIDv5 of the alert or manual request, and the scope.
        subject: the hashed session id; for scopes "user" and "login" the user id, for "network" the network.
        sequence: rises by app and subject; an app ignores a lower one, so that a late retry undoes no
            release.
        requested_by: "policy" or a person's name.
        sessions: live sessions that it ends, counted by the guard at the decision.
        times: state to the instant it was entered, microseconds; `until`: when the lock of a login ends.
        note: why it is held, suppressed or failed, for people.
        lock_for_us: of scope "login": how long nobody may sign in as the user, microseconds from when it is sent.
    """

    revocation_id: str
    app: str
    scope: Scope
    subject: str
    sequence: int
    reason: str
    requested_by: str
    state: State
    times: dict[str, int]
    session_id: str | None = None
    user_id: str | None = None
    alert_id: str | None = None
    rule_id: str | None = None
    severity: str | None = None
    sessions: int = 1
    note: str = ""
    lock_for_us: int | None = None

    def enter(self, state: State, at_us: int, note: str = "") -> None:
        """Move to a state; the first time it was entered is kept."""
        self.state = state
        self.times.setdefault(state, at_us)
        self.note = note


def revocation_id(source: str, scope: Scope) -> str:
    """Return the id of the revocation that an alert id or a manual request id leads to."""
    return str(uuid.uuid5(REVOCATION_NAMESPACE, f"{scope}:{source}"))


class RevocationView(BaseModel):
    """A revocation as the API and the command line show it."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="sessionwatch revocation")

    revocation_id: str
    app: str
    scope: Scope
    subject: str
    sequence: int
    reason: str
    requested_by: str
    state: State
    times: dict[str, datetime]
    session_id: str | None
    user_id: str | None
    alert_id: str | None
    rule_id: str | None
    severity: str | None
    sessions: int
    note: str

    @classmethod
    def of(cls, revocation: Revocation) -> RevocationView:
        """Return the outside view of a revocation."""
        fields = msgspec.structs.asdict(revocation)
        # Told by the time `until`, once it is sent.
        del fields["lock_for_us"]
        fields["times"] = {state: to_datetime(at) for state, at in revocation.times.items()}
        return cls(**fields)


class WebhookData(BaseModel):
    """The ``data`` of a webhook body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    revocation_id: str
    app: str
    session_id: str | None
    user_id: str | None
    scope: Scope
    sequence: int
    reason: str
    alert_id: str | None
    rule_id: str | None
    severity: str | None


class LoginLockedData(WebhookData):
    """The ``data`` of ``session.login_locked``: nobody signs in as the user until then."""

    until: datetime


class WebhookBody(BaseModel):
    """What an app's receiver gets: ``type`` says what to do."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="sessionwatch webhook")

    type: Literal["session.revoked", "session.released", "session.step_up_required", "session.login_locked"]
    timestamp: datetime
    data: LoginLockedData | WebhookData


class UserNoticeData(BaseModel):
    """The facts for a text to a user: nothing in it helps whoever reads the text of somebody else.

    Attributes:
        notice: new_device, or session_ended; of that one place and agent are null.
        at: when it happened.
        agent: the browser's family.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    notice_id: str
    app: str
    user_id: str
    notice: Literal["new_device", "session_ended"]
    at: datetime
    country: str | None
    city: str | None
    agent: str | None


class UserNoticeBody(BaseModel):
    """What an app's receiver gets where its users are to be told something."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="sessionwatch user notice")

    type: Literal["user.notice"]
    timestamp: datetime
    data: UserNoticeData
