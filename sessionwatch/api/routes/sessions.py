"""Sessions: list, facts, events, and the aggregate of a picture."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from schemas.api import EventPage, EventRow, LiveGroupPage, SessionDetail, SessionPage, SessionPicture, SessionRow
from schemas.instant import DAY
from sessionwatch.api.answers.live import GroupedBy, live_group_page, live_window
from sessionwatch.api.answers.picture import session_picture
from sessionwatch.api.answers.sessions import event_page, session_detail, session_page
from sessionwatch.api.answers.span import window
from sessionwatch.api.permission import Viewer
from sessionwatch.api.query import (
    AppInPath,
    AppNames,
    Cursor,
    Limit,
    NetworkName,
    SessionInPath,
    Since,
    Until,
    UserName,
)
from sessionwatch.api.table import ARROW, page, whole

router = APIRouter(tags=["sessions"])


@router.get("/v1/sessions", response_model=SessionPage, responses={200: {"content": {ARROW: {}}}})
def sessions(
    asker: Viewer,
    request: Request,
    app: AppNames = None,
    user: UserName = None,
    network: NetworkName = None,
    live: Annotated[bool | None, Query(description="Only those in use, or only the others.")] = None,
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List sessions with events in the time asked for; without one of the last day, or, if longer, of all live ones."""
    between = window(asker, since, until, live_window(asker) if live else DAY)
    answer = session_page(
        asker, between, apps=app, user_id=user, network=network, live=live, cursor=cursor, limit=limit
    )
    return page(request, answer, answer.items, SessionRow)


@router.get("/v1/sessions/live", response_model=LiveGroupPage)
def live_groups(asker: Viewer, by: Annotated[GroupedBy, Query()] = "user", app: AppNames = None) -> Response:
    """Count who is in, by user, by the network of the last use, or by app; the largest groups first."""
    return whole(live_group_page(asker, by, app))


@router.get("/v1/sessions/{app}/{session_id}", response_model=SessionDetail)
def session(asker: Viewer, app: AppInPath, session_id: SessionInPath) -> Response:
    """Show a session's facts: its life, networks, devices, alerts and revocations, against what its app declares."""
    return whole(session_detail(asker, app, session_id))


@router.get(
    "/v1/sessions/{app}/{session_id}/events", response_model=EventPage, responses={200: {"content": {ARROW: {}}}}
)
def events(
    asker: Viewer,
    request: Request,
    app: AppInPath,
    session_id: SessionInPath,
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: Limit = 200,
) -> Response:
    """List a session's events, the oldest first."""
    answer = event_page(asker, app, session_id, (since, until), cursor, limit)
    return page(request, answer, answer.items, EventRow)


@router.get("/v1/sessions/{app}/{session_id}/picture", response_model=SessionPicture)
def picture(
    asker: Viewer, app: AppInPath, session_id: SessionInPath, since: Since = None, until: Until = None
) -> Response:
    """Aggregate a session for a picture of at most 1,500 marks; `since` and `until` zoom."""
    return whole(session_picture(asker, app, session_id, (since, until)))
