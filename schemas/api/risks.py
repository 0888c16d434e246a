"""What the alerts about a user or session add up to."""

from __future__ import annotations

from datetime import datetime

from schemas.alert import Severity
from schemas.api.shapes import Answer


class RiskContribution(Answer):
    """What the alerts of one rule about one key add.

    Attributes:
        points: what is left of them now, 0 to 100.
        points_then: at the time of the alert.
        time: of its last event.
        further: how many more alerts of that rule about that key stand.
    """

    alert_id: str
    rule_id: str
    title: str
    app: str
    severity: Severity
    points: float
    points_then: float
    time: datetime
    summary: str
    further: int


class RiskView(Answer):
    """A risk of 0 to 100, decaying by half-life.

    Attributes:
        score: now, from the alerts that the caller may see.
        half_life_s: after this long an alert counts for half.
        contributions: those that still count, what adds most first.
    """

    score: float
    half_life_s: float
    contributions: list[RiskContribution]
