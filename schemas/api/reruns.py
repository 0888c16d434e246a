"""Reruns: a part of the past judged again, and what was missed raised."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from schemas.alert import Severity
from schemas.api.shapes import Answer, InstantText, Reason, Request


class RerunRequest(Request):
    """Which part of the past is judged again.

    Attributes:
        since, until: event time in which a missed alert was completed.
        rules: only these; None = every rule that is on.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"reason": "the rule was off", "since": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z"}
            ]
        }
    )

    reason: Reason
    since: InstantText
    until: InstantText
    rules: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=100)] | None = None


class MissedAlert(Answer):
    """An alert that was raised afterwards."""

    alert_id: str
    rule_id: str
    severity: Severity
    app: str
    event_time: datetime
    summary: str


class Rerun(Answer):
    """What was raised afterwards, marked late; nobody's session was ended for it."""

    raised: list[MissedAlert]
