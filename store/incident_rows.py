"""Risks and campaigns as rows: the statements that write them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pyarrow as pa

from store.arrow import INSTANT, texts
from store.rows import CampaignRow, MemberRow, RiskRow

DROP_RISKS = """
DELETE FROM risks USING incoming
WHERE risks.kind = incoming.kind AND risks.scope = incoming.scope AND risks.value = incoming.value
"""
INSERT_RISKS = """
INSERT INTO risks SELECT kind, scope, value, score, as_of, half_life_us, contributions FROM incoming
WHERE contributions <> '[]'
"""
DROP_CAMPAIGNS = "DELETE FROM campaigns WHERE campaign_id IN (SELECT campaign_id FROM incoming)"
INSERT_CAMPAIGNS = """
INSERT INTO campaigns SELECT campaign_id, realm, first, last, shared FROM incoming WHERE shared <> '[]'
"""
DROP_MEMBERS = "DELETE FROM campaign_members WHERE alert_id IN (SELECT alert_id FROM incoming)"
INSERT_MEMBERS = """
INSERT INTO campaign_members SELECT alert_id, campaign_id FROM incoming WHERE campaign_id IS NOT NULL
"""


def risks_to_arrow(rows: Sequence[RiskRow]) -> pa.Table:
    """Return risks as rows; of one subject the last stands."""
    latest = list({(row.kind, row.scope, row.value): row for row in rows}.values())
    return pa.table(
        {
            "kind": texts([row.kind for row in latest]),
            "scope": texts([row.scope for row in latest]),
            "value": texts([row.value for row in latest]),
            "score": pa.array([row.score for row in latest], pa.float64()),
            "as_of": pa.array([row.as_of_us for row in latest], INSTANT),
            "half_life_us": pa.array([row.half_life_us for row in latest], pa.int64()),
            "contributions": texts([msgspec.json.encode(row.contributions).decode() for row in latest]),
        }
    )


def campaigns_to_arrow(rows: Sequence[CampaignRow]) -> pa.Table:
    """Return campaigns as rows; of one id the last stands."""
    latest = list({row.campaign_id: row for row in rows}.values())
    return pa.table(
        {
            "campaign_id": texts([row.campaign_id for row in latest]),
            "realm": texts([row.realm for row in latest]),
            "first": pa.array([row.first_us for row in latest], INSTANT),
            "last": pa.array([row.last_us for row in latest], INSTANT),
            "shared": texts([msgspec.json.encode(row.shared).decode() for row in latest]),
        }
    )


def members_to_arrow(rows: Sequence[MemberRow]) -> pa.Table:
    """Return memberships as rows; of one alert the last stands."""
    latest = list({row.alert_id: row for row in rows}.values())
    return pa.table(
        {
            "alert_id": texts([row.alert_id for row in latest]),
            "campaign_id": texts([row.campaign_id for row in latest]),
        }
    )
