"""Risk: what the alerts about a user or session add up to."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from schemas.alert import Severity
from schemas.instant import DAY

HALF_LIFE_US = DAY
"""After this long an alert counts for half. An unexplained alert is a matter of the day's work."""


class Contribution(msgspec.Struct, frozen=True, gc=False):
    """What the alerts of one rule about one key add to a risk: the strongest of them counts.

    Attributes:
        points: at the time of the alert, 0 to 100; by half where another rule says more of the same session.
        time_us: of its last event.
        further: how many more alerts of that rule about that key stand.
    """

    alert_id: str
    rule_id: str
    app: str
    severity: Severity
    points: float
    time_us: int
    summary: str
    further: int = 0

    def points_at(self, now_us: int, half_life_us: int) -> float:
        """Return what is left of its points; in the future of an alert's last event it does not grow."""
        age_us = max(0, now_us - self.time_us)
        return float(self.points * 0.5 ** (age_us / half_life_us))


def score_of(contributions: Iterable[Contribution], now_us: int, half_life_us: int = HALF_LIFE_US) -> float:
    """Return the score of contributions at an instant, 0 to 100.

    It is the noisy-or: 100 x (1 - product of (1 - points / 100)), as if each alert were right with a probability of
    its points, independently. Why not a sum that is cut at 100: ten weak alerts would weigh as much as an
    account that is being emptied, and beyond the cut nothing could be told apart. Here each alert raises the score, and
    none beyond 100; the order does not matter.
    Source: Pearl, "Probabilistic Reasoning in Intelligent Systems", 1988, section 4.3.2.

    Args:
        contributions: one a rule and key.
        now_us: microseconds since the epoch.
        half_life_us: after this long an alert counts for half.
    """
    left = 1.0
    for one in sorted(contributions, key=lambda one: one.alert_id):
        left *= 1.0 - one.points_at(now_us, half_life_us) / 100
    return 100 * (1.0 - left)
