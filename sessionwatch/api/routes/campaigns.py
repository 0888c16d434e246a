"""Campaigns: alerts that belong together."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from schemas.api.campaigns import CampaignDetail, CampaignPage, CampaignRow
from sessionwatch.api.answers.campaigns import campaign_detail, campaign_page
from sessionwatch.api.answers.span import window
from sessionwatch.api.permission import Viewer
from sessionwatch.api.query import AppNames, CampaignId, Cursor, Limit, Since
from sessionwatch.api.table import ARROW, page, whole

router = APIRouter(tags=["campaigns"])


@router.get("/v1/campaigns", response_model=CampaignPage, responses={200: {"content": {ARROW: {}}}})
def campaigns(
    asker: Viewer,
    request: Request,
    app: AppNames = None,
    since: Since = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List campaigns, the last active first; all that are stored without `since`."""
    since_us, _ = window(asker, since, None, asker.installation.settings.store.retention)
    answer = campaign_page(asker, app, since_us, cursor, limit)
    return page(request, answer, answer.items, CampaignRow)


@router.get("/v1/campaigns/{campaign_id}", response_model=CampaignDetail)
def campaign(asker: Viewer, campaign_id: CampaignId) -> Response:
    """Show a campaign: what its alerts have in common, its users and its newest alerts."""
    return whole(campaign_detail(asker, campaign_id.lower()))
