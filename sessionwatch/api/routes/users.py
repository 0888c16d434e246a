"""Users: who they are by their sessions, devices and places."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from schemas.api import SessionPage, SessionRow, UserDetail, UserPage, UserRow
from schemas.instant import DAY
from sessionwatch.api.answers.span import window
from sessionwatch.api.answers.users import sessions_of_user, user_detail, users_by_risk
from sessionwatch.api.permission import Viewer
from sessionwatch.api.query import AppNames, Cursor, Limit, RealmInPath, Since, Until, UserInPath
from sessionwatch.api.table import ARROW, page, whole

_DEFAULT_US = 30 * DAY

router = APIRouter(tags=["users"])


@router.get("/v1/users", response_model=UserPage, responses={200: {"content": {ARROW: {}}}})
def users(
    asker: Viewer,
    request: Request,
    order: Annotated[Literal["risk"], Query(description="The highest risk first.")] = "risk",  # noqa: ARG001 - so far
    app: AppNames = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List the users against whom alerts count, the highest risk first, and what each alert adds."""
    answer = users_by_risk(asker, app, cursor, limit)
    return page(request, answer, answer.items, UserRow)


# Before the next one, whose user id may hold slashes.
@router.get(
    "/v1/users/{realm}/{user_id:path}/sessions",
    response_model=SessionPage,
    responses={200: {"content": {ARROW: {}}}},
)
def sessions(
    asker: Viewer,
    request: Request,
    realm: RealmInPath,
    user_id: UserInPath,
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List a user's sessions in all apps of the realm; of the last 30 days without `since`."""
    between = window(asker, since, until, _DEFAULT_US)
    answer = sessions_of_user(asker, realm, user_id, between, cursor, limit)
    return page(request, answer, answer.items, SessionRow)


@router.get("/v1/users/{realm}/{user_id:path}", response_model=UserDetail)
def user(asker: Viewer, realm: RealmInPath, user_id: UserInPath, since: Since = None, until: Until = None) -> Response:
    """Show a user: devices, places, alerts and revocations; of the last 30 days without `since`."""
    return whole(user_detail(asker, realm, user_id, window(asker, since, until, _DEFAULT_US)))
