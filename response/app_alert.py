"""Alerts of the pipeline's own about an app: that something does not work, not what a session did."""

from __future__ import annotations

from schemas.alert import Alert, Severity, alert_id


def app_alert(rule_id: str, app: str, episode: str, severity: Severity, summary: str, now_us: int) -> Alert:
    """Return an alert about an app.

    Args:
        rule_id: what it is filed under; no rule of the engine has this name.
        app: the app.
        episode: what makes two findings one alert.
        severity: how grave it is.
        summary: one sentence for people.
        now_us: the pipeline's clock, microseconds since the epoch.
    """
    return Alert(
        alert_id=alert_id(rule_id, app, app, episode),
        rule_id=rule_id,
        rule_version=1,
        severity=severity,
        mode="alert",
        app=app,
        key_kind="app",
        key_value=app,
        event_time_us=now_us,
        first_event_time_us=now_us,
        last_event_time_us=now_us,
        summary=summary,
    )
