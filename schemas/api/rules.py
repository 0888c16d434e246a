"""Rules in force."""

from __future__ import annotations

from datetime import datetime

from schemas.alert import Mode, Severity
from schemas.api.alerts import VerdictCounts
from schemas.api.shapes import Answer


class RuleForApp(Answer):
    """A rule as it is set for one app."""

    mode: Mode
    severity: Severity | None
    parameters: dict[str, object]


class RuleView(Answer):
    """A rule in force.

    Attributes:
        severity: fixed by the configuration; None = by the evidence, at most `highest`.
        parameters: in force, durations as in the configuration.
        apps: where an app has settings of its own.
        alerts_7d: alerts raised in the last seven days.
        last_alert: when the newest was stored.
        errors_30d: alerts that turned out wrong in 30 days: judged a false alarm, or their revocation released by a
            person.
    """

    rule_id: str
    version: int
    title: str
    description: str
    key: str
    mode: Mode
    highest: Severity
    severity: Severity | None
    attack: list[str]
    needs: list[str]
    runbook: list[str]
    settle_s: float
    parameters: dict[str, object]
    apps: dict[str, RuleForApp]
    alerts_7d: int
    last_alert: datetime | None
    verdicts: VerdictCounts
    errors_30d: int


class RuleList(Answer):
    """The rules."""

    items: list[RuleView]
