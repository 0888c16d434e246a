"""Risk: the stored contributions, as far as they may be seen, at this moment."""

from __future__ import annotations

from collections.abc import Collection

from schemas.api.risks import RiskContribution, RiskView
from schemas.instant import SECOND, to_datetime
from schemas.risk import HALF_LIFE_US, score_of
from sessionwatch.api.asker import Asker
from store.rows import RiskRow

LEAST = 0.5
"""Points of 100 below which nothing is shown: it would read as 0."""


def risk_view(asker: Asker, kind: str, scope: str, value: str) -> RiskView:
    """Return the risk of a user (scope: realm) or session (scope: app) now."""
    row = asker.reader.risk(kind, scope, value)
    if row is None:
        return RiskView(score=0, half_life_s=HALF_LIFE_US / SECOND, contributions=[])
    return explained(asker, row, asker.now_us(), asker.principal.visible())


def explained(asker: Asker, row: RiskRow, now_us: int, apps: Collection[str] | None) -> RiskView:
    """Return a stored risk as it is at an instant.

    Args:
        asker: who asks.
        row: as it is stored.
        now_us: microseconds since the epoch.
        apps: whose alerts count; None = of all.
    """
    half_life_us = row.half_life_us
    seen = [one for one in row.contributions if apps is None or one.app in apps]
    left = [(one.points_at(now_us, half_life_us), one) for one in seen]
    left = sorted((one for one in left if one[0] >= LEAST), key=lambda one: (-one[0], one[1].alert_id))
    return RiskView(
        score=round(score_of([one for _, one in left], now_us, half_life_us), 1),
        half_life_s=half_life_us / SECOND,
        contributions=[
            RiskContribution(
                alert_id=one.alert_id,
                rule_id=one.rule_id,
                title=asker.installation.title(one.rule_id),
                app=one.app,
                severity=one.severity,
                points=round(points, 1),
                points_then=round(one.points, 1),
                time=to_datetime(one.time_us),
                summary=one.summary,
                further=one.further,
            )
            for points, one in left
        ],
    )
