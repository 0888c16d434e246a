"""What lanes, people and timers ask of the responder: queued by the loop, applied in its next batch."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.revocation import Scope
from store.rows import OutboxMessage, TriageStatus, Verdict


class DeliveryResult(msgspec.Struct, frozen=True, gc=False):
    """What a lane has done with messages: delivered, parked or dropped them, or put them off (still pending).

    Attributes:
        messages: as they are now, to be stored so.
        at_us: when, on the clock of `response/`.
        gone: why the receiver wants nothing any more; then the whole lane is parked.
        trouble: why nothing gets through; said once, until something does.
    """

    lane: str
    messages: tuple[OutboxMessage, ...]
    at_us: int
    gone: str = ""
    trouble: str = ""


class RevokeManually(msgspec.Struct, frozen=True, gc=False):
    """A person ends a session, or all sessions of a user.

    Attributes:
        request_id: makes the revocation's id: the same request twice is one revocation.
        subject: the hashed session id, or the user id for scope "user".
        by: the person's name, for the record.
        user_id: whose session it is, where known.
        alert_id: the alert that it answers, where there is one.
    """

    request_id: str
    app: str
    scope: Scope
    subject: str
    by: str
    reason: str
    user_id: str | None = None
    alert_id: str | None = None


class Approve(msgspec.Struct, frozen=True, gc=False):
    """A person lets a held revocation go."""

    revocation_id: str
    by: str
    reason: str = ""


class Drop(msgspec.Struct, frozen=True, gc=False):
    """A person decides that a held revocation is not to go."""

    revocation_id: str
    by: str
    reason: str


class Release(msgspec.Struct, frozen=True, gc=False):
    """A person takes a revocation back: the session may be used again."""

    revocation_id: str
    by: str
    reason: str


class Retry(msgspec.Struct, frozen=True, gc=False):
    """A person has a parked revocation delivered anew, under new message ids."""

    revocation_id: str
    by: str
    reason: str = ""


class Triage(msgspec.Struct, frozen=True, gc=False):
    """A person says what an alert is, or whose. None leaves a thing as it is.

    Attributes:
        verdict: what it turned out to be; resolves the alert, and makes it theirs who say so.
        assign: "take" = theirs who say so; "give_back" = nobody's.
    """

    alert_id: str
    by: str
    status: Literal["new"] | TriageStatus | None = None
    verdict: Verdict | None = None
    note: str | None = None
    assign: Literal["take", "give_back"] | None = None


class UndoTriage(msgspec.Struct, frozen=True, gc=False):
    """A person takes their own last triage of an alert back."""

    alert_id: str
    by: str


class Note(msgspec.Struct, frozen=True, gc=False):
    """An act that changed nothing in the store, for the record: such as a redrive of dead letters."""

    act: str
    subject: str
    by: str
    reason: str
    app: str = ""
