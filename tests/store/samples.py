"""Rows for the store's tests: ordinary ones, each with what a test wants to say about it."""

from __future__ import annotations

import uuid
from typing import Any

from schemas.alert import Alert, Evidence, Severity
from schemas.event import Event
from schemas.instant import parse_rfc3339
from schemas.revocation import Revocation
from store.rows import OutboxMessage

NOON = parse_rfc3339("2026-11-01T12:00:00Z")


def event(time_us: int = NOON, **fields: Any) -> Event:
    """Return a validate of alice's session at the bank."""
    ordinary: dict[str, Any] = {
        "event_id": str(uuid.uuid4()),
        "type": "validate",
        "app": "bank",
        "session_id": "s_alice",
        "user_id": "alice",
        "arrival_us": time_us,
    }
    return Event(time_us=time_us, **(ordinary | fields))


def alert(alert_id: str = "a1", **fields: Any) -> Alert:
    """Return a critical alert about alice's session."""
    ordinary: dict[str, Any] = {
        "rule_id": "session-hijack",
        "rule_version": 1,
        "severity": Severity.CRITICAL,
        "mode": "enforce",
        "app": "bank",
        "key_kind": "session",
        "key_value": "s_alice",
        "event_time_us": NOON,
        "first_event_time_us": NOON,
        "last_event_time_us": NOON,
        "summary": "alice's session moved to another country",
        "evidence": (Evidence(str(uuid.uuid4()), NOON, "came from NL"),),
        "usual": {"country": "DE"},
    }
    return Alert(alert_id=alert_id, **(ordinary | fields))


def revocation(revocation_id: str = "r1", **fields: Any) -> Revocation:
    """Return the revocation of alice's session, just requested."""
    ordinary: dict[str, Any] = {
        "app": "bank",
        "scope": "session",
        "subject": "s_alice",
        "sequence": 1,
        "reason": "session-hijack",
        "requested_by": "policy",
        "state": "requested",
        "times": {"requested": NOON},
    }
    return Revocation(revocation_id=revocation_id, **(ordinary | fields))


def message(message_id: str = "m1", **fields: Any) -> OutboxMessage:
    """Return a message to the bank's webhook."""
    ordinary: dict[str, Any] = {
        "lane": "webhook:bank",
        "kind": "session.revoked",
        "ordering_key": "s_alice",
        "subject": "r1",
        "payload": "{}",
        "created_us": NOON,
    }
    return OutboxMessage(message_id=message_id, **(ordinary | fields))
