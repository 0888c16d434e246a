"""An alert that a provider's word has led to, as the facts of a signal, and back."""

from __future__ import annotations

from typing import Literal, cast

from schemas.alert import Alert, Evidence, Mode, Severity
from schemas.signal import Signal


def facts_of(alert: Alert) -> dict[str, str | int]:
    """Return what other findings ask of an alert; its user and app stand in the signal itself."""
    shown = alert.evidence[-1]
    return {
        "alert_id": alert.alert_id,
        "rule_id": alert.rule_id,
        "rule_version": alert.rule_version,
        "severity": str(alert.severity),
        "mode": alert.mode,
        # In the facts and not in the signal: it is no news of that session to the rules.
        "session_id": alert.session_id or "",
        "summary": alert.summary,
        "evidence": shown.event_id,
    }


def alert_of(signal: Signal) -> Alert:
    """Return the alert that a signal tells of, as far as other findings ask."""

    def fact(name: str) -> str:
        return str(signal.payload.get(name, ""))

    session_id, user_id = fact("session_id") or None, signal.user_id
    kind: Literal["session", "user"] = "user" if session_id is None else "session"
    return Alert(
        alert_id=fact("alert_id"),
        rule_id=fact("rule_id"),
        rule_version=int(signal.payload.get("rule_version", 1)),
        severity=Severity(fact("severity")),
        mode=cast(Mode, fact("mode")),
        app=signal.app or "",
        key_kind=kind,
        key_value=session_id or user_id or "",
        event_time_us=signal.time_us,
        first_event_time_us=signal.time_us,
        last_event_time_us=signal.time_us,
        summary=fact("summary"),
        evidence=(Evidence(fact("evidence"), signal.time_us, fact("summary")),),
        user_id=user_id,
        session_id=session_id,
    )
