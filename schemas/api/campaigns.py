"""Campaigns: alerts that belong together, as one incident."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from schemas.alert import Severity
from schemas.api.alerts import AlertRow
from schemas.api.shapes import Answer


class Shared(Answer):
    """What alerts of a campaign have in common.

    Attributes:
        alerts: how many share it.
    """

    kind: Literal["network", "asn", "device", "tool"]
    value: str
    alerts: int


class CampaignRow(Answer):
    """A campaign, as far as the caller may see its alerts.

    Attributes:
        title: what it is, in one line.
        severity: the highest of its alerts.
        first, last: of its alerts' events.
        alerts, open: all that stand; and those that are new or acknowledged.
        shared: what its alerts have in common, what most share first.
    """

    campaign_id: str
    realm: str
    title: str
    severity: Severity
    first: datetime
    last: datetime
    alerts: int
    open: int
    users: int
    sessions: int
    rules: list[str]
    apps: list[str]
    shared: list[Shared]


class CampaignPage(Answer):
    """Campaigns, the last active first."""

    items: list[CampaignRow]
    next: str | None = None


class CampaignUser(Answer):
    """A user of a campaign, and how many of its alerts are about them."""

    user_id: str
    alerts: int


class CampaignDetail(CampaignRow):
    """A campaign with its members.

    Attributes:
        members: its newest alerts, 200 at most; the rest come from the list of alerts by `campaign`.
        named_users: those with most alerts, 100 at most.
    """

    members: list[AlertRow]
    named_users: list[CampaignUser]
