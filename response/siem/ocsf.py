"""Alerts as Detection Findings of the Open Cybersecurity Schema Framework, https://schema.ocsf.io/1.8.0."""

from __future__ import annotations

from typing import Any

from response.siem.finding import PRODUCT, Activity, Finding, Room, State, product_version
from response.siem.techniques import TECHNIQUES, split
from schemas.alert import Alert, Severity
from schemas.instant import SECOND
from store.rows import Verdict

VERSION = "1.8.0"

_MILLISECOND = SECOND // 1_000

_CLASS, _CATEGORY = 2004, 2
_ACTIVITIES: dict[Activity, tuple[int, str]] = {
    "created": (1, "Create"),
    "updated": (2, "Update"),
    "closed": (3, "Close"),
}
_SEVERITIES = {
    Severity.INFO: (1, "Informational"),
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
    Severity.CRITICAL: (5, "Critical"),
}
# Withdrawn is no state of the schema: nothing is left to be done, and the verdict says why.
_STATES: dict[State, tuple[int, str]] = {
    "new": (1, "New"),
    "in_progress": (2, "In Progress"),
    "suppressed": (3, "Suppressed"),
    "resolved": (4, "Resolved"),
    "withdrawn": (4, "Resolved"),
}
_VERDICTS: dict[Verdict, tuple[int, str]] = {
    "false_alarm": (1, "False Positive"),
    "confirmed": (2, "True Positive"),
    "benign": (5, "Benign"),
}
_DISREGARD, _TEST = (3, "Disregard"), (6, "Test")
_RULE, _LEARNED = (1, "Rule"), (4, "Learning (ML/DL)")
_UNKNOWN_DEVICE = 0


def detection_finding(finding: Finding, room: Room) -> dict[str, Any]:
    """Return a finding as a document of the class Detection Finding, with the profile Incident.

    What the schema has no attribute for stands under `unmapped`. Instants are milliseconds since the epoch.

    Args:
        finding: what is told.
        room: how much may be said.
    """
    alert = finding.alert
    activity_id, activity = _ACTIVITIES[finding.activity]
    severity_id, severity = _SEVERITIES[alert.severity]
    confidence_id, confidence = _confidence(alert.confidence)
    status_id, status = _STATES[finding.state]
    document: dict[str, Any] = {
        "category_uid": _CATEGORY,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "activity_id": activity_id,
        "activity_name": activity,
        "type_uid": 100 * _CLASS + activity_id,
        "type_name": f"Detection Finding: {activity}",
        "time": _ms(finding.at_us),
        "start_time": _ms(alert.first_event_time_us),
        "end_time": _ms(alert.last_event_time_us),
        "severity_id": severity_id,
        "severity": severity,
        "confidence_id": confidence_id,
        "confidence": confidence,
        "confidence_score": round(100 * alert.confidence),
        "risk_score": round(finding.risk_score),
        "status_id": status_id,
        "status": status,
        "is_alert": finding.state in ("new", "in_progress"),
        "count": alert.hits,
        "message": room.text(alert.summary),
        "metadata": _metadata(finding, room),
        "finding_info": _finding_info(finding, room),
        "evidences": _evidences(alert, room),
        "resources": [{"uid": alert.app, "name": alert.app, "type": "Application"}],
        "unmapped": _unmapped(finding, room),
    }
    verdict = _verdict(finding)
    if verdict is not None:
        document["verdict_id"], document["verdict"] = verdict
    if finding.state == "withdrawn":
        document["status_detail"] = "Withdrawn: a later look at the events shows that it does not follow"
    elif alert.suppressed_by is not None:
        document["status_detail"] = room.text(f"Covered by an exception: {alert.suppressed_by}")
    if finding.analytic.runbook and room.is_whole:
        document["remediation"] = {"desc": " ".join(finding.analytic.runbook)}
    if finding.link is not None and room.is_whole:
        document["src_url"] = finding.link
    return document


def _metadata(finding: Finding, room: Room) -> dict[str, Any]:
    return {
        "version": VERSION,
        "profiles": ["incident"],
        "uid": finding.uid,
        "correlation_uid": finding.alert.alert_id,
        "event_code": room.title(finding.alert.rule_id),
        "is_truncated": not room.is_whole or len(finding.alert.evidence) > room.evidence,
        "product": {"name": PRODUCT, "vendor_name": PRODUCT, "version": product_version()},
    }


def _finding_info(finding: Finding, room: Room) -> dict[str, Any]:
    alert, analytic = finding.alert, finding.analytic
    type_id, kind = _RULE if alert.model_id is None else _LEARNED
    info: dict[str, Any] = {
        "uid": alert.alert_id,
        "title": room.title(analytic.title),
        "desc": room.text(alert.summary),
        "analytic": {
            "uid": room.title(alert.rule_id),
            "name": room.title(analytic.title),
            "type_id": type_id,
            "type": kind,
            "version": str(alert.rule_version),
        },
        "first_seen_time": _ms(alert.first_event_time_us),
        "last_seen_time": _ms(alert.last_event_time_us),
        "modified_time": _ms(finding.at_us),
    }
    if analytic.attack and room.is_whole:
        info["attacks"] = [_attack(technique) for technique in analytic.attack]
    return info


def _attack(technique: str) -> dict[str, Any]:
    parent, below = split(technique)
    attack = {"technique": _named(parent)}
    if below is not None:
        attack["sub_technique"] = _named(below)
    return attack


def _named(technique: str) -> dict[str, str]:
    name = TECHNIQUES.get(technique)
    return {"uid": technique} if name is None else {"uid": technique, "name": name}


def _evidences(alert: Alert, room: Room) -> list[dict[str, Any]]:
    """Return who and where it was, and then the events that counted."""
    named = [
        {
            "uid": one.event_id,
            "name": "event",
            "data": {"event_id": one.event_id, "time": _ms(one.time_us), "fact": room.text(one.fact)},
        }
        for one in alert.evidence[: room.evidence]
    ]
    subject = _subject(alert, room)
    return [subject, *named] if subject else named


def _subject(alert: Alert, room: Room) -> dict[str, Any]:
    subject: dict[str, Any] = {}
    actor: dict[str, Any] = {}
    if alert.user_id is not None:
        actor["user"] = {"uid": room.name(alert.user_id)}
    if alert.session_id is not None:
        actor["session"] = {"uid": room.name(alert.session_id)}
    if actor:
        subject["actor"] = {**actor, "app_name": alert.app}
    endpoint: dict[str, Any] = {}
    if alert.ip is not None:
        endpoint["ip"] = room.name(alert.ip)
    if alert.network is not None:
        endpoint["subnet_uid"] = room.name(alert.network)
    if alert.asn is not None:
        endpoint["autonomous_system"] = {"number": alert.asn}
    if alert.ip is not None:
        subject["src_endpoint"] = endpoint
    elif alert.network is not None:
        subject["src_endpoint"] = {**endpoint, "name": room.name(alert.network)}
    if alert.device_id is not None:
        subject["device"] = {"uid": room.name(alert.device_id), "type_id": _UNKNOWN_DEVICE}
    return {"name": "subject", **subject} if subject else {}


def _unmapped(finding: Finding, room: Room) -> dict[str, Any]:
    alert, triage = finding.alert, finding.triage
    unmapped: dict[str, Any] = {
        "app": alert.app,
        "mode": alert.mode,
        "key": {"kind": alert.key_kind, "value": room.name(alert.key_value)},
        "event_time": _ms(alert.event_time_us),
        "late": alert.late,
    }
    if alert.usual and room.evidence:
        unmapped["usual"] = {room.text(name): room.text(value) for name, value in alert.usual.items()}
    further = {
        "model_id": alert.model_id and room.name(alert.model_id),
        "drill": alert.drill and room.name(alert.drill),
        "network_type": alert.network_type and room.text(alert.network_type),
        "tool": alert.tool and room.text(alert.tool),
        "owner": triage and triage.owner and room.name(triage.owner),
    }
    return unmapped | {name: value for name, value in further.items() if value}


def _verdict(finding: Finding) -> tuple[int, str] | None:
    if finding.alert.drill is not None:
        return _TEST
    if finding.state == "withdrawn":
        return _DISREGARD
    return None if finding.verdict is None else _VERDICTS[finding.verdict]


def _confidence(confidence: float) -> tuple[int, str]:
    if confidence < 1 / 3:
        return 1, "Low"
    return (2, "Medium") if confidence < 2 / 3 else (3, "High")


def _ms(instant_us: int) -> int:
    return instant_us // _MILLISECOND
