"""What lanes, people and timers ask of the responder: queued by the loop, applied in its next batch."""

from __future__ import annotations

import msgspec

from schemas.revocation import Scope
from store.rows import OutboxMessage


class DeliveryResult(msgspec.Struct, frozen=True, gc=False):
    """What a lane has done with messages: delivered, parked or dropped them, or put them off (still pending).

    Attributes:
        messages: as they are now, to be stored so.
        at_us: when, on the clock of `response/`.
        gone: why the receiver wants nothing any more; then the whole lane is parked.
    """

    lane: str
    messages: tuple[OutboxMessage, ...]
    at_us: int
    gone: str = ""


class RevokeManually(msgspec.Struct, frozen=True, gc=False):
    """A person ends a session, or all sessions of a user.

    Attributes:
        request_id: makes the revocation's id: the same request twice is one revocation.
        subject: the hashed session id, or the user id for scope "user".
        by: the person's name, for the record.
        user_id: whose session it is, where known.
    """

    request_id: str
    app: str
    scope: Scope
    subject: str
    by: str
    reason: str
    user_id: str | None = None


class Approve(msgspec.Struct, frozen=True, gc=False):
    """A person lets a held revocation go."""

    revocation_id: str
    by: str
    reason: str = ""


class Release(msgspec.Struct, frozen=True, gc=False):
    """A person takes a revocation back: the session may be used again."""

    revocation_id: str
    by: str
    reason: str


class Retry(msgspec.Struct, frozen=True, gc=False):
    """A person has a parked revocation delivered anew, under new message ids."""

    revocation_id: str
    by: str
