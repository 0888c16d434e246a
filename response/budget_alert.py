"""The alert that a budget of the guard has no room: the rest waits for a person."""

from __future__ import annotations

from response.app_alert import app_alert
from response.automatic import Done
from schemas.alert import Alert, Severity
from schemas.instant import HOUR

RULE_ID = "guard-budget"
"""What the alert is filed under; no rule of the engine has this name."""


def budget_alert(app: str, done: Done, waiting: int, now_us: int) -> Alert:
    """Return the alert of an app and hour: further acts that wait change nothing in it.

    Args:
        app: whose sessions were to be ended.
        done: the first act that found no room.
        waiting: how many revocations of the app wait for a person.
        now_us: the pipeline's clock, microseconds since the epoch.
    """
    reason = done.held.note if done.held is not None else ""
    more = f"{waiting} revocations wait" if waiting != 1 else "a revocation waits"
    summary = f"Nothing more is ended automatically for now: {reason}; {more} for a person so far"
    return app_alert(RULE_ID, app, str(now_us // HOUR), Severity.HIGH, summary, now_us)
