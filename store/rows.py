"""The rows of the store that are no contract of their own: dead letters, outbox, audit, snapshots."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.alert import Alert

TriageStatus = Literal["acknowledged", "resolved"]
Verdict = Literal["benign", "false_alarm", "confirmed"]
OutboxState = Literal["pending", "delivered", "parked", "dropped"]


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


class AuditLine(msgspec.Struct, frozen=True, gc=False):
    """A decision, delivery or manual act: who did what to what, when and why. Append-only."""

    time_us: int
    actor: str
    act: str
    subject: str
    app: str = ""
    why: str = ""
    details: dict[str, str | int] = {}


class SnapshotRow(msgspec.Struct, frozen=True, gc=False):
    """The state of one engine key, as of the snapshot's sequence number.

    Attributes:
        kind, key: the key's kind and its parts joined by the engine.
        content: msgpack; None = the key has expired since the last snapshot.
    """

    kind: str
    key: str
    content: bytes | None


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
