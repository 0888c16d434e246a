"""The rows of the store that are no contract of their own: dead letters, outbox, audit, snapshots."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from schemas.alert import Alert
from schemas.risk import Contribution

TriageStatus = Literal["acknowledged", "resolved"]
Verdict = Literal["benign", "false_alarm", "confirmed"]
StepUpState = Literal["asked", "delivered", "cleared", "expired", "ended", "cancelled", "failed", "suppressed"]
OutboxState = Literal["pending", "delivered", "parked", "dropped"]


class LetterKey(NamedTuple):
    """What makes two dead letters one: the same record, refused for the same reason."""

    topic: str
    partition: int
    offset: int
    reason: str
    sha256: str


class DeadLetter(msgspec.Struct, gc=False):
    """A message that was refused: where it came from, why, and what may be kept of it.

    Attributes:
        detail: the field and what was expected; nothing that the sender wrote.
        length: of the original value in bytes; 0 for a tombstone.
        sha256: of the original value, hexadecimal.
        content: at most 64 KiB, as it came where it could not be parsed, else with every string value that
            may be a secret replaced by its hash. For admins only, never sent out.
    """

    topic: str
    partition: int
    offset: int
    arrival_us: int
    reason: str
    detail: str
    length: int
    sha256: str
    content: bytes

    @property
    def key(self) -> LetterKey:
        """What it is known by when its record is read again."""
        return LetterKey(self.topic, self.partition, self.offset, str(self.reason), self.sha256)


class OutboxMessage(msgspec.Struct, gc=False):
    """Something that must leave: at least once, with an id that is the same on every try.

    Attributes:
        message_id: the idempotency key (``webhook-id``, record key, ...).
        lane: who carries it: ``webhook:<target name>``, ``chat``, ``topic:<name>``. None waits for another.
        ordering_key: messages of one lane and key leave in order (a session's revocation before its release).
        subject: the revocation or alert id it belongs to, or an empty string.
        payload: what the lane needs, as JSON text.
        expires_us: after that instant it is worth nothing; None = by the lane's own schedule.
    """

    message_id: str
    lane: str
    kind: str
    ordering_key: str
    subject: str
    payload: str
    created_us: int
    state: OutboxState = "pending"
    attempts: int = 0
    next_try_us: int = 0
    first_try_us: int | None = None
    finished_us: int | None = None
    last_error: str = ""
    expires_us: int | None = None


PIPELINE = "pipeline"
"""The actor of audit lines that no person caused."""
ACT_REFUSED = "manual act refused"
"""The act of lines about what a person asked for and could not be done."""


class AuditLine(msgspec.Struct, frozen=True, gc=False):
    """A decision, delivery or manual act: who did what to what, when and why. Append-only.

    Attributes:
        actor: a person, an app, an address, or a part of the pipeline.
        user_id: whom it is about, where it is about a user.
    """

    time_us: int
    actor: str
    act: str
    subject: str
    app: str = ""
    why: str = ""
    details: dict[str, str | int] = {}
    user_id: str | None = None


class Erasure(msgspec.Struct, frozen=True, gc=False):
    """A name that the audit log is to know no more; who asked for it, and why."""

    name: str
    by: str
    why: str


class SnapshotRow(msgspec.Struct, frozen=True, gc=False):
    """The state of one engine key, as of the snapshot's sequence number.

    Attributes:
        kind, key: the key's kind and its parts joined by the engine.
        content: msgpack; None = the key has expired since the last snapshot.
    """

    kind: str
    key: str
    content: bytes | None


class UserDay(msgspec.Struct, frozen=True, gc=False):
    """What one user did on one finished day (UTC, by event time): a baseline is made of these.

    Attributes:
        day: days since the epoch.
        version: of the form of `content`; what knows only other versions passes the row over.
        successes: how many; of two rows of one day the fuller counts.
        content: msgpack.
    """

    realm: str
    user_id: str
    day: int
    version: int
    successes: int
    content: bytes


class RiskRow(msgspec.Struct, frozen=True, gc=False):
    """What the alerts about a user or session add up to.

    Attributes:
        kind: user or session.
        scope: the realm of a user, the app of a session.
        score: 0 to 100, at `as_of_us`, the last event of its alerts.
        contributions: without any, the row goes.
    """

    kind: str
    scope: str
    value: str
    score: float
    as_of_us: int
    half_life_us: int
    contributions: tuple[Contribution, ...]


class SharedValue(msgspec.Struct, frozen=True, gc=False, order=True):
    """What alerts of a campaign have in common.

    Attributes:
        kind: network, asn, device or tool.
        alerts: how many share it.
    """

    kind: str
    value: str
    alerts: int


class CampaignRow(msgspec.Struct, frozen=True, gc=False):
    """Alerts that belong together: one incident.

    Attributes:
        shared: what its alerts have in common, what most share first; without any, the row goes.
    """

    campaign_id: str
    realm: str
    first_us: int
    last_us: int
    shared: tuple[SharedValue, ...]


class MemberRow(msgspec.Struct, frozen=True, gc=False):
    """Which campaign an alert belongs to; None = to none any more."""

    alert_id: str
    campaign_id: str | None


class TriageRow(msgspec.Struct, frozen=True, gc=False):
    """What people have made of an alert.

    Attributes:
        status: None = new.
        owner: who has taken it.
        by, at_us: who changed it last, and when (microseconds since the epoch).
    """

    alert_id: str
    app: str
    status: TriageStatus | None = None
    verdict: Verdict | None = None
    owner: str | None = None
    note: str = ""
    by: str | None = None
    at_us: int | None = None


class StepUpRow(msgspec.Struct, gc=False):
    """A session whose user was asked to prove anew who uses it. Instants: microseconds since the epoch.

    Attributes:
        due_us: until when.
        login_us: when the user signed in afresh from a device they are known by, where they did.
        ended_us: when it came to its end.
        note: why it ended so, for people.
    """

    step_up_id: str
    app: str
    session_id: str
    user_id: str | None
    alert_id: str
    rule_id: str
    state: StepUpState
    asked_us: int
    due_us: int
    login_us: int | None = None
    ended_us: int | None = None
    note: str = ""


class DrillRecord(msgspec.Struct, frozen=True, gc=False):
    """An alert that a fire drill has led to, and when the pipeline first stored it."""

    alert: Alert
    stored_us: int


class AlertRecord(msgspec.Struct, frozen=True, gc=False):
    """An alert with what people made of it.

    Attributes:
        alert: with the status that people see.
        stored_us: when the pipeline first stored it.
        updated_us: when it last changed, by a hit or by a person.
    """

    alert: Alert
    triage: TriageRow
    stored_us: int
    updated_us: int


class StreamRow(msgspec.Struct, frozen=True, gc=False):
    """The event stream of a receiver of shared signals.

    Attributes:
        content: JSON; None = the stream is gone.
    """

    receiver: str
    content: str | None


class ReceivedRow(msgspec.Struct, frozen=True, gc=False):
    """A security event token that was taken.

    Attributes:
        digest: SHA-256 of its claims, hexadecimal.
        received_us: when, microseconds since the epoch.
    """

    transmitter: str
    jti: str
    digest: str
    received_us: int


class IdpSession(msgspec.Struct, frozen=True, gc=False):
    """A session of an app that a statement of an identity provider may be about.

    Attributes:
        first_us: event time of its first use in the time looked at, microseconds since the epoch.
        last_us, last_event_id: of its last accepted use.
    """

    app: str
    session_id: str
    user_id: str | None
    first_us: int
    last_us: int
    last_event_id: str
