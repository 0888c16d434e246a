"""Revocations: list, one, made by a person, and what people do to them."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import Response

from response.commands import Approve, Drop, Release, Retry, RevokeManually
from schemas.api import (
    ReasonRequest,
    RevocationDetail,
    RevocationPage,
    RevokePreview,
    RevokeRequest,
    RevokeSubject,
)
from schemas.revocation import RevocationView, revocation_id
from sessionwatch.api.answers.alerts import visible_alert
from sessionwatch.api.answers.revocations import (
    preview,
    revocation_detail,
    revocation_page,
    user_of,
    visible_revocation,
)
from sessionwatch.api.answers.span import window
from sessionwatch.api.asker import Asker
from sessionwatch.api.permission import Analyst, Served, Viewer
from sessionwatch.api.problem import Refusal
from sessionwatch.api.query import (
    AppNames,
    Cursor,
    Limit,
    RevocationId,
    ScopeName,
    SessionName,
    Since,
    States,
    Until,
    UserName,
)
from sessionwatch.api.table import ARROW, page, whole
from store.revocation_search import RevocationFilter

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=128,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key again is the same request: it ends nobody twice.",
    ),
]

router = APIRouter(tags=["revocations"])


@router.get("/v1/revocations", response_model=RevocationPage, responses={200: {"content": {ARROW: {}}}})
def revocations(
    asker: Viewer,
    request: Request,
    app: AppNames = None,
    state: States = None,
    scope: ScopeName = None,
    session: SessionName = None,
    user: UserName = None,
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List revocations by the time of their decision; without `since` as far back as the retention."""
    since_us, until_us = window(asker, since, until, asker.installation.settings.store.retention)
    wanted = RevocationFilter(
        apps=asker.principal.visible(app),
        states=state,
        scope=scope,
        subject=session,
        user_id=user,
        since_us=since_us,
        until_us=until_us,
    )
    answer = revocation_page(asker, wanted, cursor, limit)
    return page(request, answer, answer.items, RevocationView)


@router.get("/v1/revocations/{revocation_id}", response_model=RevocationDetail)
def revocation(asker: Viewer, revocation_id: RevocationId) -> Response:
    """Show a revocation whole: how it was delivered, whether it is proven, and every act on it."""
    return whole(revocation_detail(asker, revocation_id.lower()))


@router.post("/v1/revocations", status_code=201, response_model=RevocationDetail)
def revoke(asker: Analyst, wanted: RevokeRequest, service: Served, idempotency_key: IdempotencyKey = None) -> Response:
    """End sessions, or lock a user's login for a time. Answered once committed; the app is told right after."""
    user_id = user_of(asker, wanted)
    if wanted.alert_id is not None:
        visible_alert(asker, wanted.alert_id)
    by = asker.principal.name
    request_id = f"{by}:{idempotency_key or uuid.uuid4()}"
    made = revocation_id(request_id, wanted.scope)
    if asker.reader.revocation(made) is not None:
        return _made_before(asker, wanted, made)
    service.acts.do(
        RevokeManually(
            request_id=request_id,
            app=wanted.app,
            scope=wanted.scope,
            subject=wanted.subject,
            by=by,
            reason=wanted.reason,
            user_id=user_id,
            alert_id=wanted.alert_id,
            at_most=wanted.sessions,
            lock_for_us=wanted.lock_for_us,
        )
    )
    return whole(revocation_detail(asker, made), 201, {"location": f"/v1/revocations/{made}"})


@router.post("/v1/revocations/preview", response_model=RevokePreview)
def preview_of(asker: Analyst, wanted: RevokeSubject) -> Response:
    """Name what would be ended, and change nothing."""
    return whole(preview(asker, wanted))


@router.post("/v1/revocations/{revocation_id}/approve", response_model=RevocationDetail)
def approve(asker: Analyst, revocation_id: RevocationId, asked: ReasonRequest, service: Served) -> Response:
    """Let a held revocation go."""
    found = visible_revocation(asker, revocation_id.lower())
    service.acts.do(Approve(found.revocation_id, asker.principal.name, asked.reason))
    return whole(revocation_detail(asker, found.revocation_id))


@router.post("/v1/revocations/{revocation_id}/drop", response_model=RevocationDetail)
def drop(asker: Analyst, revocation_id: RevocationId, asked: ReasonRequest, service: Served) -> Response:
    """Decide that a held revocation is not to go."""
    found = visible_revocation(asker, revocation_id.lower())
    service.acts.do(Drop(found.revocation_id, asker.principal.name, asked.reason))
    return whole(revocation_detail(asker, found.revocation_id))


@router.post("/v1/revocations/{revocation_id}/release", response_model=RevocationDetail)
def release(asker: Analyst, revocation_id: RevocationId, asked: ReasonRequest, service: Served) -> Response:
    """Take a revocation back: the app is told that the session may be used again."""
    found = visible_revocation(asker, revocation_id.lower())
    service.acts.do(Release(found.revocation_id, asker.principal.name, asked.reason))
    return whole(revocation_detail(asker, found.revocation_id))


@router.post("/v1/revocations/{revocation_id}/retry", response_model=RevocationDetail)
def retry(asker: Analyst, revocation_id: RevocationId, asked: ReasonRequest, service: Served) -> Response:
    """Deliver a revocation anew that failed, or that was delivered or confirmed and did not hold."""
    found = visible_revocation(asker, revocation_id.lower())
    service.acts.do(Retry(found.revocation_id, asker.principal.name, asked.reason))
    return whole(revocation_detail(asker, found.revocation_id))


def _made_before(asker: Asker, wanted: RevokeRequest, made: str) -> Response:
    before = visible_revocation(asker, made)
    if (before.app, before.scope, before.subject) != (wanted.app, wanted.scope, wanted.subject):
        raise Refusal(409, "this Idempotency-Key was used for another revocation")
    return whole(revocation_detail(asker, made), 200, {"location": f"/v1/revocations/{made}"})
