"""Campaigns: the list, and one with its members."""

from __future__ import annotations

from schemas.api.campaigns import CampaignDetail, CampaignPage, CampaignUser
from sessionwatch.api.answers.alerts import alert_rows
from sessionwatch.api.answers.campaign_rows import campaign_rows
from sessionwatch.api.asker import Asker
from sessionwatch.api.cursor import from_cursor, to_cursor
from sessionwatch.api.problem import not_found
from store.alert_search import AlertFilter

MOST_MEMBERS = 200
MOST_USERS = 100


def campaign_page(asker: Asker, apps: list[str] | None, since_us: int, cursor: str | None, limit: int) -> CampaignPage:
    """Return a page of campaigns, the last active first.

    Args:
        asker: who asks.
        apps: only of these; None = of all that may be seen.
        since_us: active since, microseconds since the epoch.
        cursor: where the page before ended.
        limit: most rows.

    Raises:
        Refusal: the cursor is none of this list.
    """
    found = asker.reader.campaigns(
        apps=asker.principal.visible(apps),
        since_us=since_us,
        after=from_cursor(cursor, tuple[int, str]),
        limit=limit + 1,
    )
    shown = found[:limit]
    following = to_cursor((shown[-1].last_us, shown[-1].campaign_id)) if len(found) > limit else None
    return CampaignPage(items=campaign_rows(asker, shown), next=following)


def campaign_detail(asker: Asker, campaign_id: str) -> CampaignDetail:
    """Return a campaign with its members.

    Raises:
        Refusal: 404, there is none of whose alerts this asker may see any.
    """
    apps, reader = asker.principal.visible(), asker.reader
    found = reader.campaigns(apps=apps, campaign_id=campaign_id, limit=1)
    if not found:
        raise not_found("campaign")
    members = reader.alert_records(AlertFilter(apps=apps, campaign_id=campaign_id), limit=MOST_MEMBERS)
    users = reader.campaign_users(campaign_id, apps, MOST_USERS)
    return CampaignDetail(
        **campaign_rows(asker, found)[0].model_dump(),
        members=alert_rows(asker, members),
        named_users=[CampaignUser(user_id=user_id, alerts=alerts) for user_id, alerts in users],
    )
