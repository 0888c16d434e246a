"""What lanes, people and timers ask of the responder: queued by the loop, applied in its next batch."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.alert import Alert
from schemas.link import LinkAct
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
    """A person ends a session, all of a user's or all that were last used from a network, or locks a user's login.

    Attributes:
        request_id: makes the revocation's id: the same request twice is one revocation.
        subject: the hashed session id, the user id for scopes "user" and "login", or the network for "network".
        by: the person's name, for the record.
        user_id: whose session it is, where known.
        alert_id: the alert that it answers, where there is one.
        at_most: sessions that the person was shown; if more are live by now, nothing is ended. None = any number.
        lock_for_us: of scope "login": how long nobody may sign in as the user, microseconds; None = as policy does.
    """

    request_id: str
    app: str
    scope: Scope
    subject: str
    by: str
    reason: str
    user_id: str | None = None
    alert_id: str | None = None
    at_most: int | None = None
    lock_for_us: int | None = None


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
        way: how they said it, for the record; empty = by API, console or command.
        anonymous: nobody signed in, so that it becomes nobody's.
    """

    alert_id: str
    by: str
    status: Literal["new"] | TriageStatus | None = None
    verdict: Verdict | None = None
    note: str | None = None
    assign: Literal["take", "give_back"] | None = None
    way: str = ""
    anonymous: bool = False


class UndoTriage(msgspec.Struct, frozen=True, gc=False):
    """A person takes their own last triage of an alert back."""

    alert_id: str
    by: str


class UseLink(msgspec.Struct, frozen=True, gc=False):
    """A person has followed a link from chat and said that they mean it.

    Attributes:
        link_id: it works once.
        reason: why a session is ended.
        signed_in: whether `by` is the name of a person.
    """

    link_id: str
    act: LinkAct
    alert_id: str
    by: str
    reason: str = ""
    signed_in: bool = True


class SendDigest(msgspec.Struct, frozen=True, gc=False):
    """A person has the lead mailed a digest now, besides the one at its hour."""

    kind: Literal["daily", "weekly"]
    by: str


class RaiseLate(msgspec.Struct, frozen=True, gc=False):
    """A person has raised what was missed. Those that are known by now are left alone; none of them ends a session.

    Attributes:
        alerts: as the rules find them today.
    """

    alerts: tuple[Alert, ...]
    by: str
    reason: str


class RaiseNotice(msgspec.Struct, frozen=True, gc=False):
    """An alert that no rule makes of events: something of the installation's own that people must hear of.

    Attributes:
        alert: told once; the same id again changes nothing.
    """

    alert: Alert
    by: str


class Note(msgspec.Struct, frozen=True, gc=False):
    """An act that changed nothing in the store, for the record: such as a redrive of dead letters."""

    act: str
    subject: str
    by: str
    reason: str
    app: str = ""


class EraseName(msgspec.Struct, frozen=True, gc=False):
    """A person has the audit log forget a name, and the texts that mention it."""

    name: str
    by: str
    reason: str


class Pause(msgspec.Struct, frozen=True, gc=False):
    """A person stops everything that happens automatically (the kill switch)."""

    by: str
    reason: str


class Resume(msgspec.Struct, frozen=True, gc=False):
    """A person lets it go on."""

    by: str
    reason: str


class RetryMessages(msgspec.Struct, frozen=True, gc=False):
    """A person has messages tried anew, under their own ids.

    Attributes:
        lane: of this lane.
        message_id: this one, parked or dropped; None = every parked one of the lane.
    """

    lane: str
    by: str
    reason: str
    message_id: str | None = None


class DropMessages(msgspec.Struct, frozen=True, gc=False):
    """A person decides that messages are not to leave.

    Attributes:
        lane: of this lane.
        message_id: this one; None = every one that is parked or waits in the lane.
    """

    lane: str
    by: str
    reason: str
    message_id: str | None = None


class GiveVerdict(msgspec.Struct, frozen=True, gc=False):
    """A user has said whether it was them.

    Attributes:
        token_id: of the token that was shown; it counts once.
        asked_in: the hashed session in which the user was asked; None = outside of any, as by mail.
        by: who handed it in, for the record.
    """

    token_id: str
    app: str
    user_id: str
    alert_id: str
    session_id: str | None
    was_me: bool
    asked_in: str | None
    by: str
