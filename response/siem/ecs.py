"""Alerts in the Elastic Common Schema, https://www.elastic.co/docs/reference/ecs, version 9.4.0."""

from __future__ import annotations

from typing import Any

from response.siem.finding import PRODUCT, Activity, Finding, Room, product_version
from response.siem.techniques import FRAMEWORK, TECHNIQUES, split
from schemas.alert import Alert, Severity
from schemas.instant import SECOND, to_datetime

VERSION = "9.4.0"

_MILLISECOND = SECOND // 1_000

_ACTIONS: dict[Activity, str] = {"created": "alert-created", "updated": "alert-updated", "closed": "alert-closed"}
# As the OCSF's severity_id: a number by which a SIEM sorts what comes both ways.
_SEVERITIES = {severity: severity.rank + 1 for severity in Severity}


def ecs_alert(finding: Finding, room: Room) -> dict[str, Any]:
    """Return a finding as an ECS document.

    What the schema has no field for stands under `sessionwatch`, as its guidelines ask of custom fields. Instants are
    RFC 3339 in UTC.

    Args:
        finding: what is told.
        room: how much may be said.
    """
    alert = finding.alert
    document: dict[str, Any] = {
        "@timestamp": _instant(finding.at_us),
        "ecs": {"version": VERSION},
        "message": room.text(alert.summary),
        "event": _event(finding, room),
        "rule": _rule(finding, room),
        "service": {"name": alert.app},
        "observer": {"vendor": PRODUCT, "product": PRODUCT, "version": product_version()},
        "sessionwatch": _own(finding, room),
    }
    if alert.user_id is not None:
        document["user"] = {"id": room.name(alert.user_id)}
    source: dict[str, Any] = {}
    if alert.ip is not None:
        source |= {"ip": room.name(alert.ip), "address": room.name(alert.ip)}
    if alert.asn is not None:
        source["as"] = {"number": alert.asn}
    if source:
        document["source"] = source
    if alert.device_id is not None:
        document["device"] = {"id": room.name(alert.device_id)}
    if finding.analytic.attack and room.is_whole:
        document["threat"] = _threat(finding.analytic.attack)
    if alert.drill is not None:
        document["tags"] = ["drill"]
    return document


def _event(finding: Finding, room: Room) -> dict[str, Any]:
    alert = finding.alert
    event: dict[str, Any] = {
        "kind": "alert",
        "category": ["authentication", "session"],
        "type": ["info"],
        "action": _ACTIONS[finding.activity],
        "id": finding.uid,
        "code": room.title(alert.rule_id),
        "module": PRODUCT,
        "dataset": f"{PRODUCT}.alert",
        "provider": PRODUCT,
        "severity": _SEVERITIES[alert.severity],
        "risk_score": round(finding.risk_score, 1),
        "reason": room.text(alert.summary),
        "created": _instant(finding.at_us),
        "start": _instant(alert.first_event_time_us),
        "end": _instant(alert.last_event_time_us),
    }
    if finding.link is not None and room.is_whole:
        event["url"] = finding.link
    return event


def _rule(finding: Finding, room: Room) -> dict[str, Any]:
    return {
        "id": room.title(finding.alert.rule_id),
        "name": room.title(finding.analytic.title),
        "version": str(finding.alert.rule_version),
        "ruleset": PRODUCT,
    }


def _threat(techniques: tuple[str, ...]) -> dict[str, Any]:
    parents = list(dict.fromkeys(split(technique)[0] for technique in techniques))
    below = [found for technique in techniques if (found := split(technique)[1]) is not None]
    threat: dict[str, Any] = {"framework": FRAMEWORK, "technique": _named(parents)}
    if below:
        threat["technique"]["subtechnique"] = _named(below)
    return threat


def _named(techniques: list[str]) -> dict[str, Any]:
    return {"id": techniques, "name": [TECHNIQUES.get(one, one) for one in techniques]}


def _own(finding: Finding, room: Room) -> dict[str, Any]:
    alert, triage = finding.alert, finding.triage
    own: dict[str, Any] = {
        "alert_id": alert.alert_id,
        "app": alert.app,
        "severity": str(alert.severity),
        "confidence": alert.confidence,
        "mode": alert.mode,
        "status": finding.state,
        "hits": alert.hits,
        "late": alert.late,
        "event_time": _instant(alert.event_time_us),
        "key": {"kind": alert.key_kind, "value": room.name(alert.key_value)},
        "truncated": not room.is_whole or len(alert.evidence) > room.evidence,
        "evidence": _evidence(alert, room),
    }
    if alert.usual and room.evidence:
        # A list and no table: a name that a client chose must not become a field of the index.
        own["usual"] = [f"{room.text(name)}: {room.text(value)}" for name, value in alert.usual.items()]
    if finding.analytic.runbook and room.is_whole:
        own["runbook"] = list(finding.analytic.runbook)
    further = {
        "session_id": alert.session_id and room.name(alert.session_id),
        "network": alert.network and room.name(alert.network),
        "network_type": alert.network_type and room.text(alert.network_type),
        "model_id": alert.model_id and room.name(alert.model_id),
        "drill": alert.drill and room.name(alert.drill),
        "tool": alert.tool and room.text(alert.tool),
        "exception": alert.suppressed_by and room.text(alert.suppressed_by),
        "verdict": finding.verdict,
        "owner": triage and triage.owner and room.name(triage.owner),
    }
    return own | {name: value for name, value in further.items() if value}


def _evidence(alert: Alert, room: Room) -> list[dict[str, str]]:
    return [
        {"event_id": one.event_id, "time": _instant(one.time_us), "fact": room.text(one.fact)}
        for one in alert.evidence[: room.evidence]
    ]


def _instant(instant_us: int) -> str:
    # Milliseconds are what an Elasticsearch date holds.
    return (
        to_datetime(instant_us // _MILLISECOND * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
