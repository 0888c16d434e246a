"""Alerts: list, figures, one, and what a person makes of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from response.commands import Triage, UndoTriage
from schemas.api import AlertDetail, AlertFacts, AlertPage, AlertPatch, AlertRow
from sessionwatch.api.answers.alerts import Order, alert_detail, alert_facts, alert_page, visible_alert
from sessionwatch.api.answers.span import window
from sessionwatch.api.permission import Analyst, Served, Viewer
from sessionwatch.api.query import (
    AlertId,
    AppNames,
    CampaignName,
    Cursor,
    Limit,
    Owner,
    RuleName,
    SessionName,
    Severities,
    Since,
    Statuses,
    Text,
    Until,
    UserName,
)
from sessionwatch.api.table import ARROW, page, whole
from store.alert_search import AlertFilter

router = APIRouter(tags=["alerts"])


@router.get("/v1/alerts", response_model=AlertPage, responses={200: {"content": {ARROW: {}}}})
def alerts(
    asker: Viewer,
    request: Request,
    severity: Severities = None,
    app: AppNames = None,
    status: Statuses = None,
    rule: RuleName = None,
    user: UserName = None,
    session: SessionName = None,
    campaign: CampaignName = None,
    owner: Owner = None,
    text: Text = None,
    since: Since = None,
    until: Until = None,
    suppressed: Annotated[bool, Query(description="Also those that an exception covers.")] = False,
    order: Annotated[Order, Query(description="Newest event first, or the most severe first.")] = "newest",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List alerts; without `since` as far back as the retention."""
    since_us, until_us = window(asker, since, until, asker.installation.settings.store.retention)
    wanted = AlertFilter(
        apps=asker.principal.visible(app),
        severities=severity,
        statuses=status,
        rule_id=rule,
        user_id=user,
        session_id=session,
        campaign_id=campaign,
        owner="" if owner == "none" else owner or None,
        text=text or None,
        since_us=since_us,
        until_us=until_us,
        suppressed=suppressed,
    )
    answer = alert_page(asker, wanted, order, cursor, limit)
    return page(request, answer, answer.items, AlertRow)


@router.get("/v1/alerts/facts", response_model=AlertFacts)
def facts(asker: Viewer) -> Response:
    """Count the open ones; `newest_change` says whether a list has to be fetched anew."""
    return whole(alert_facts(asker))


@router.get("/v1/alerts/{alert_id}", response_model=AlertDetail)
def alert(asker: Viewer, alert_id: AlertId) -> Response:
    """Show an alert whole: evidence, runbook, its revocations, and every act on it."""
    return whole(alert_detail(asker, alert_id.lower()))


@router.patch("/v1/alerts/{alert_id}", response_model=AlertDetail)
def triage(asker: Analyst, alert_id: AlertId, patch: AlertPatch, service: Served) -> Response:
    """Take an alert, decide what it was, note something, or take the own last decision back."""
    alert_id = alert_id.lower()
    visible_alert(asker, alert_id)
    by = asker.principal.name
    if patch.undo:
        service.acts.do(UndoTriage(alert_id, by))
    else:
        service.acts.do(Triage(alert_id, by, patch.status, patch.verdict, patch.note, patch.assign))
    return whole(alert_detail(asker, alert_id))
