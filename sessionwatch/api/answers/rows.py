"""Rows of the store as rows of the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from schemas.alert import AlertKey, Severity
from schemas.api import (
    Act,
    AlertRow,
    DeliveryRow,
    DeviceUse,
    EventRow,
    PlaceUse,
    RevocationBrief,
    SessionRow,
)
from schemas.event import Event
from schemas.instant import to_datetime
from schemas.revocation import Revocation
from store.rows import AlertRecord, AuditLine, OutboxMessage
from store.session_facts import DeviceSummary, PlaceSummary, SessionSummary

Subject = tuple[str, str]
"""App and session."""


def alert_row(
    record: AlertRecord, title: str, revocation: Revocation | None = None, campaign_id: str | None = None
) -> AlertRow:
    """Return an alert as the queue shows it.

    Args:
        record: the stored one.
        title: of its rule.
        revocation: the newest of its session.
        campaign_id: of the campaign that it belongs to.
    """
    return AlertRow.model_validate(alert_fields(record, title, revocation, campaign_id))


def alert_fields(
    record: AlertRecord, title: str, revocation: Revocation | None, campaign_id: str | None
) -> dict[str, object]:
    """Return the fields of `AlertRow` by name."""
    alert, triage = record.alert, record.triage
    return {
        "alert_id": alert.alert_id,
        "rule_id": alert.rule_id,
        "title": title,
        "severity": alert.severity,
        "confidence": alert.confidence,
        "mode": alert.mode,
        "status": alert.status,
        "app": alert.app,
        "key": AlertKey(kind=alert.key_kind, value=alert.key_value),
        "user_id": alert.user_id,
        "session_id": alert.session_id,
        "ip": alert.ip,
        "network": alert.network,
        "device_id": alert.device_id,
        "event_time": to_datetime(alert.event_time_us),
        "first_event_time": to_datetime(alert.first_event_time_us),
        "last_event_time": to_datetime(alert.last_event_time_us),
        "hits": alert.hits,
        "summary": alert.summary,
        "late": alert.late,
        "drill": alert.drill,
        "opened": to_datetime(record.stored_us),
        "updated": to_datetime(record.updated_us),
        "owner": triage.owner,
        "verdict": triage.verdict,
        "note": triage.note,
        "decided": None if triage.at_us is None else to_datetime(triage.at_us),
        "decided_by": triage.by,
        "revocation": None if revocation is None else revocation_brief(revocation),
        "campaign_id": campaign_id,
    }


def revocation_brief(revocation: Revocation) -> RevocationBrief:
    """Return how far a revocation has come."""
    return RevocationBrief(
        revocation_id=revocation.revocation_id,
        scope=revocation.scope,
        state=revocation.state,
        note=revocation.note,
    )


def newest_by_session(revocations: Iterable[Revocation]) -> dict[Subject, Revocation]:
    """Return by app and session the newest of revocations that come newest first."""
    newest: dict[Subject, Revocation] = {}
    for revocation in revocations:
        if revocation.session_id is not None:
            newest.setdefault((revocation.app, revocation.session_id), revocation)
    return newest


def act(line: AuditLine) -> Act:
    """Return an audit line as people read it."""
    return Act(
        time=to_datetime(line.time_us),
        actor=line.actor,
        act=line.act,
        subject=line.subject,
        app=line.app,
        why=line.why,
    )


def session_row(summary: SessionSummary, worst: Mapping[Subject, Severity]) -> SessionRow:
    """Return a session in a list.

    Args:
        summary: what its events say.
        worst: the highest severity of its alerts, by app and session.
    """
    fields = _dated(summary)
    return SessionRow.model_validate({**fields, "severity": worst.get((summary.app, summary.session_id))})


def place_use(summary: PlaceSummary) -> PlaceUse:
    """Return a network in use."""
    return PlaceUse.model_validate(_dated(summary))


def device_use(summary: DeviceSummary) -> DeviceUse:
    """Return a device in use."""
    return DeviceUse.model_validate({**_dated(summary), "countries": summary.countries or []})


def event_row(event: Event) -> EventRow:
    """Return an event of a timeline."""
    return EventRow.model_validate(
        {
            **{name: getattr(event, name) for name in _EVENT_FIELDS},
            "event_time": to_datetime(event.time_us),
            "arrival": to_datetime(event.arrival_us),
            "network": event.place.network,
            "country": event.place.country,
            "region": event.place.region,
            "city": event.place.city,
            "asn": event.place.asn,
            "network_type": event.place.network_type,
            "agent_family": event.agent.family,
            "agent_os": event.agent.os,
            "device_class": event.agent.device_class,
            "input_flags": list(event.input_flags),
            "attributes": event.attributes or {},
        }
    )


def delivery_row(message: OutboxMessage) -> DeliveryRow:
    """Return a message of a revocation."""
    waits = message.state == "pending" and message.next_try_us > 0
    return DeliveryRow(
        message_id=message.message_id,
        lane=message.lane,
        kind=message.kind,
        state=message.state,
        attempts=message.attempts,
        created=to_datetime(message.created_us),
        next_try=to_datetime(message.next_try_us) if waits else None,
        finished=None if message.finished_us is None else to_datetime(message.finished_us),
        last_error=message.last_error,
    )


_EVENT_FIELDS = (
    "event_id", "type", "reason", "app", "session_id", "user_id", "ip", "user_agent", "device_id", "auth_method",
    "mfa", "idp", "parent_session_id", "token_generation", "count", "gap_min_ms", "gap_dev_ms", "bound", "action",
    "drill", "signed", "late", "topic", "partition", "offset",
)  # fmt: skip


def _dated(summary: msgspec.Struct) -> dict[str, object]:
    """Return the fields of a row, with `…_us` as `…`, an instant."""
    return {
        name.removesuffix("_us"): to_datetime(value) if name.endswith("_us") and value is not None else value
        for name, value in msgspec.structs.asdict(summary).items()
    }
