"""The lead's digest, as it would be mailed now."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from schemas.api.shapes import Answer

DigestName = Literal["daily", "weekly"]


class RaisedCount(Answer):
    """Alerts of one rule and severity."""

    rule_id: str
    severity: str
    count: int


class DigestView(Answer):
    """What a digest says, in words and in figures.

    Attributes:
        since: the end of the last one that was mailed, else a day or a week before now.
        quiet: there is nothing to tell.
        to_decide: open alerts and held revocations.
        decided: alerts that were resolved; `median_to_decide_s`: seconds from the alert; null where none was.
        sent, confirmed, missed: revocations of sessions and users; what failed or had no effect is a miss.
        median_to_confirm_s, p99_to_confirm_s: seconds from request to proof; null where none was measured, or infinite.
        parked: deliveries that were given up and still wait.
    """

    kind: DigestName
    since: datetime
    until: datetime
    title: str
    text: str
    quiet: bool
    to_decide: int
    raised: list[RaisedCount]
    decided: int
    median_to_decide_s: float | None
    sent: int
    confirmed: int
    missed: int
    median_to_confirm_s: float | None
    p99_to_confirm_s: float | None
    parked: int
