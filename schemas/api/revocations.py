"""Revocations, and what a person may do to one."""

from __future__ import annotations

import re
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.api.people import Act
from schemas.api.sessions import SessionRow
from schemas.api.shapes import EXAMPLE_SESSION, Answer, AppName, Reason, Request, example
from schemas.event import SESSION_PATTERN
from schemas.instant import SECOND
from schemas.limits import MAX_USER_ID
from schemas.revocation import LONGEST_LOCK_US, RevocationView, Scope


class RevocationPage(Answer):
    """Revocations, the last decided first."""

    items: list[RevocationView]
    next: str | None = None


class DeliveryRow(Answer):
    """A message of a revocation to one target."""

    message_id: str
    lane: str
    kind: str
    state: Literal["pending", "delivered", "parked", "dropped"]
    attempts: int
    created: datetime
    next_try: datetime | None
    finished: datetime | None
    last_error: str


class RevocationDetail(RevocationView):
    """A revocation, whole.

    Attributes:
        proven: "not sent", "sent", "delivered, not proven", "confirmed", "failed", "released": as people read it.
        deliveries: its messages by target.
        history: what was done to it, the oldest first.
    """

    proven: str
    deliveries: list[DeliveryRow]
    history: list[Act]


class RevokeSubject(Request):
    """Which sessions: a hashed session id, for scope "user" the user's id, for scope "network" a network.

    A network is an IPv4 /24 or IPv6 /64, and holds the sessions of the app that were last used from it. Scope "login"
    names a user, and ends no session: nobody signs in as the user for a time.
    """

    model_config = example({"app": "bank", "scope": "session", "subject": EXAMPLE_SESSION})

    app: AppName
    scope: Scope = "session"
    subject: Annotated[str, StringConstraints(min_length=1, max_length=MAX_USER_ID)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.scope == "session" and not re.fullmatch(SESSION_PATTERN, self.subject):
            raise ValueError("subject: expected a hashed session id (s_...) for scope session")
        if self.scope == "network":
            check_network(self.subject)
        return self


class RevokeRequest(RevokeSubject):
    """A person ends a session, all of a user's or all from a network, or locks a login; with an `Idempotency-Key`.

    Attributes:
        reason: why, for the record; at least 3 characters.
        sessions: how many the preview has shown; if more are live by now it is refused. A network needs it.
        alert_id: the alert that it answers, where there is one.
        lock_for_s: of scope "login": seconds for which nobody signs in as the user; 15 minutes where left out.
    """

    model_config = example({"app": "bank", "subject": EXAMPLE_SESSION, "reason": "the user says it is not her"})

    reason: Reason
    alert_id: str | None = Field(default=None, max_length=36)
    sessions: int | None = Field(default=None, ge=0)
    lock_for_s: int | None = Field(default=None, ge=60, le=LONGEST_LOCK_US // SECOND)

    @property
    def lock_for_us(self) -> int | None:
        """How long a login is locked, microseconds."""
        return None if self.lock_for_s is None else self.lock_for_s * SECOND

    @model_validator(mode="after")
    def _check_lock(self) -> Self:
        if self.lock_for_s is not None and self.scope != "login":
            raise ValueError("lock_for_s: only a login is locked for a time")
        return self

    @model_validator(mode="after")
    def _check_count(self) -> Self:
        if self.scope == "network" and self.sessions is None:
            raise ValueError("sessions: expected how many sessions the preview has shown")
        return self


def check_network(text: str) -> None:
    """Refuse what is not spelt as the sessions' networks are.

    Raises:
        ValueError: with the network that may have been meant.
    """
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        raise ValueError("subject: expected a network such as 203.0.113.0/24 for scope network") from None
    length = 24 if meant.version == 4 else 64
    if meant.prefixlen != length:
        near = f"; {meant.network_address} lies in {_around(meant, length)}" if meant.prefixlen > length else ""
        raise ValueError(f"subject: expected a network of /24 (IPv4) or /64 (IPv6){near}")
    if str(meant) != text:
        raise ValueError(f"subject: did you mean {meant}?")


def _around(network: IPv4Network | IPv6Network, length: int) -> str:
    return str(ip_network((network.network_address, length), strict=False))


class RevokePreview(Answer):
    """What a manual revocation would do.

    Attributes:
        would: send, suppress (dry run: shown, never sent), hold (no target of the app can do it), or nothing (it is
            being taken away already).
        why: in words.
        sessions: live sessions that it would end, at most 50 of them; `count` is how many there are.
        targets: the receivers that would be told.
    """

    app: str
    scope: Scope
    subject: str
    user_id: str | None
    would: Literal["send", "suppress", "hold", "nothing"]
    why: str
    count: int
    sessions: list[SessionRow]
    targets: list[str]


class ReasonRequest(Request):
    """Why a person approves, drops or releases a revocation, or has it delivered anew."""

    model_config = example({"reason": "she called from the number that we know"})

    reason: Reason
