"""What alerts together say: the risk of users and sessions, and campaigns."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from schemas.alert import Severity
from schemas.risk import Contribution
from store import alert_rows
from store.reading import Reading
from store.rows import RiskRow, SharedValue

LATEST_US = 4_102_444_800_000_000
"""2100-01-01, the end of what an event's time may be."""

RISK = """
SELECT kind, scope, value, score, epoch_us(as_of), half_life_us, contributions FROM risks
WHERE kind = $kind AND scope = $scope AND value = $value
"""
# As `schemas.risk.score_of` adds up what is left at an instant of the contributions that may be seen; after eight
# half-lives nothing of any is left.
RISKIEST = """
WITH left_over AS (
    SELECT scope, value, score, epoch_us(as_of) AS as_of_us, half_life_us, contributions,
        list_filter(
            list_transform(
                list_filter(
                    from_json(contributions, '[{"app": "VARCHAR", "points": "DOUBLE", "time_us": "BIGINT"}]'),
                    lambda one: $apps::VARCHAR[] IS NULL OR list_contains($apps, one.app)),
                lambda one: one.points * pow(0.5, greatest(0, $now - one.time_us) / half_life_us)),
            lambda points: points >= $least) AS points
    FROM risks WHERE kind = 'user' AND as_of >= make_timestamp($now - 8 * half_life_us)),
riskiest AS (
    SELECT *, 100 * (1 - list_aggregate(list_transform(points, lambda one: 1 - one / 100), 'product')) AS now_score
    FROM left_over WHERE len(points) > 0)
SELECT scope, value, score, as_of_us, half_life_us, contributions, now_score FROM riskiest
WHERE now_score < $after_score OR (now_score = $after_score AND (scope, value) > ($after_scope, $after_value))
ORDER BY now_score DESC, scope, value LIMIT $limit
"""
# Counted over the alerts that may be seen, so that a campaign tells nothing of an app that may not.
CAMPAIGNS = f"""
SELECT campaign_id, realm, shared, first, last, alerts, open, users, sessions, severity_rank, rules, apps
FROM (
    SELECT campaign_id, realm, any_value(shared) AS shared, epoch_us(min(first_event_time)) AS first,
        epoch_us(max(last_event_time)) AS last, count(*) AS alerts,
        count(*) FILTER ({alert_rows.STATUS} IN ('new', 'acknowledged')) AS open,
        count(DISTINCT user_id) AS users, count(DISTINCT session_id) AS sessions,
        max(alerts.severity_rank) AS severity_rank, list_sort(list(DISTINCT rule_id)) AS rules,
        list_sort(list(DISTINCT app)) AS apps
    FROM campaigns JOIN campaign_members USING (campaign_id) JOIN alerts USING (alert_id)
    WHERE NOT withdrawn AND ($apps::VARCHAR[] IS NULL OR list_contains($apps, app))
        AND ($campaign_id::VARCHAR IS NULL OR campaign_id = $campaign_id)
        AND campaigns.last >= make_timestamp($since)
    GROUP BY campaign_id, realm)
WHERE (last, campaign_id) < ($after_time, $after_id)
ORDER BY last DESC, campaign_id DESC LIMIT $limit
"""
CAMPAIGN_USERS = """
SELECT user_id, count(*) FROM campaign_members JOIN alerts USING (alert_id)
WHERE campaign_id = $campaign_id AND NOT withdrawn AND user_id IS NOT NULL
    AND ($apps::VARCHAR[] IS NULL OR list_contains($apps, app))
GROUP BY user_id ORDER BY count(*) DESC, user_id LIMIT $limit
"""
CAMPAIGNS_OF = """
SELECT alert_id, campaign_id FROM campaign_members WHERE alert_id IN (SELECT unnest($ids::VARCHAR[]))
"""
CAMPAIGN_VALUES = """
SELECT campaign_id, value, count(*) FROM (
    SELECT campaign_id, unnest([network, device_id]) AS value FROM campaign_members JOIN alerts USING (alert_id)
    WHERE campaign_id IN (SELECT unnest($ids::VARCHAR[])) AND NOT withdrawn AND list_contains($apps, app))
WHERE value IS NOT NULL GROUP BY campaign_id, value
"""

_contributions = msgspec.json.Decoder(tuple[Contribution, ...])
_shared = msgspec.json.Decoder(tuple[SharedValue, ...])
_SEVERITIES = tuple(Severity)


class CampaignFacts(msgspec.Struct, frozen=True):
    """A campaign, as far as its alerts may be seen.

    Attributes:
        first_us, last_us: of its alerts' events.
        open: alerts that are new or acknowledged.
        severity: the highest.
    """

    campaign_id: str
    realm: str
    shared: tuple[SharedValue, ...]
    first_us: int
    last_us: int
    alerts: int
    open: int
    users: int
    sessions: int
    severity: Severity
    rules: tuple[str, ...]
    apps: tuple[str, ...]


class Incidents(Reading):
    """Queries over risks and campaigns."""

    def risk(self, kind: str, scope: str, value: str) -> RiskRow | None:
        """Return the risk of a user (by realm) or session (by app); None where no alert counts against it."""
        row = self._row(RISK, {"kind": kind, "scope": scope, "value": value})
        if row is None:
            return None
        kind, scope, value, score, as_of_us, half_life_us, contributions = row
        return RiskRow(kind, scope, value, score, as_of_us, half_life_us, _contributions.decode(contributions))

    def riskiest_users(
        self,
        now_us: int,
        *,
        apps: Collection[str] | None = None,
        least: float = 0.0,
        after: tuple[float, str, str] | None = None,
        limit: int = 100,
    ) -> list[tuple[RiskRow, float]]:
        """Return the risks of users and their scores at an instant, the highest first.

        Args:
            now_us: the instant, microseconds since the epoch.
            apps: alerts of these alone; None for all. A user of whom nothing is left then is left out.
            least: points, 0 to 100, below which a contribution counts for nothing.
            after: score, realm and id of the last user of the page before, at the same instant.
            limit: most rows.
        """
        after_score, after_scope, after_value = after or (1_000.0, "", "")
        parameters = {
            "now": now_us,
            "apps": None if apps is None else list(apps),
            "least": least,
            "after_score": after_score,
            "after_scope": after_scope,
            "after_value": after_value,
            "limit": limit,
        }
        return [
            (RiskRow("user", scope, value, then, as_of_us, half_life_us, _contributions.decode(text)), score)
            for scope, value, then, as_of_us, half_life_us, text, score in self._rows(RISKIEST, parameters)
        ]

    def campaigns(
        self,
        *,
        apps: Collection[str] | None = None,
        campaign_id: str | None = None,
        since_us: int = 0,
        after: tuple[int, str] | None = None,
        limit: int = 100,
    ) -> list[CampaignFacts]:
        """Return campaigns, the last active first.

        Args:
            apps: alerts of these alone; None for all.
            campaign_id: this one alone.
            since_us: active since, microseconds since the epoch.
            after: last event and id of the last campaign of the page before.
            limit: most rows.
        """
        after_time, after_id = after or (LATEST_US, "")
        parameters = {
            "apps": None if apps is None else list(apps),
            "campaign_id": campaign_id,
            "since": since_us,
            "after_time": after_time,
            "after_id": after_id,
            "limit": limit,
        }
        return [_facts_of(row) for row in self._rows(CAMPAIGNS, parameters)]

    def campaigns_of(self, alert_ids: Iterable[str]) -> dict[str, str]:
        """Return by alert the campaign that it belongs to, for those that do."""
        return dict(self._rows(CAMPAIGNS_OF, {"ids": list(alert_ids)}))

    def campaign_users(
        self, campaign_id: str, apps: Collection[str] | None = None, limit: int = 100
    ) -> list[tuple[str, int]]:
        """Return the users of a campaign and how many of its alerts are about each, those with most first."""
        parameters = {"campaign_id": campaign_id, "apps": None if apps is None else list(apps), "limit": limit}
        return [(user_id, alerts) for user_id, alerts in self._rows(CAMPAIGN_USERS, parameters)]

    def campaign_values(self, campaign_ids: Iterable[str], apps: Collection[str]) -> dict[tuple[str, str], int]:
        """Return by campaign and network or device of its alerts in these apps how many of them have it."""
        rows = self._rows(CAMPAIGN_VALUES, {"ids": list(campaign_ids), "apps": list(apps)})
        return {(campaign_id, value): alerts for campaign_id, value, alerts in rows}


def _facts_of(row: tuple[Any, ...]) -> CampaignFacts:
    campaign_id, realm, shared, first_us, last_us, alerts, still_open, users, sessions, rank, rules, apps = row
    return CampaignFacts(
        campaign_id, realm, _shared.decode(shared), first_us, last_us, alerts, still_open, users, sessions,
        _SEVERITIES[rank], tuple(rules), tuple(apps),
    )  # fmt: skip
