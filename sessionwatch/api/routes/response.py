"""The response as a whole: why, whether at all, what has not left, and what users say."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from response.commands import DropMessages, Pause, Resume, RetryMessages
from schemas.api import (
    AlertPolicy,
    OutboxDone,
    OutboxPage,
    OutboxRequest,
    OutboxRow,
    PolicyTrial,
    PolicyTrialRequest,
    ReasonRequest,
    ResponseState,
    VerdictRequest,
    VerdictTaken,
    VerdictToken,
    VerdictTokenRequest,
)
from schemas.instant import parse_rfc3339
from sessionwatch.api.answers.outbox import outbox_done, outbox_page, response_state
from sessionwatch.api.answers.policy import alert_policy
from sessionwatch.api.answers.trial import policy_trial
from sessionwatch.api.answers.verdicts import take_verdict, verdict_token
from sessionwatch.api.asker import Asker
from sessionwatch.api.permission import Analyst, Engineer, Permission, Served, Viewer
from sessionwatch.api.query import AlertId, Cursor, Limit
from sessionwatch.api.table import ARROW, page, whole
from store.rows import OutboxState

AnalystOfAll = Annotated[Asker, Depends(Permission("analyst", all_apps=True))]
LaneText = Annotated[str | None, Query(alias="lane", max_length=300, description="Only of this lane.")]
MessageStates = Annotated[list[OutboxState] | None, Query(alias="state", description="Only of these.")]

router = APIRouter(tags=["response"])


@router.get("/v1/alerts/{alert_id}/policy", response_model=AlertPolicy)
def policy(asker: Viewer, alert_id: AlertId) -> Response:
    """Say which policy line decided about an alert and why, and what the guard said."""
    return whole(alert_policy(asker, alert_id.lower()))


@router.post("/v1/policy/test", response_model=PolicyTrial)
def trial(asker: Engineer, wanted: PolicyTrialRequest, service: Served) -> Response:
    """Try a policy on the stored alerts, with the guard, and change nothing."""
    return whole(policy_trial(asker, wanted.response, parse_rfc3339(wanted.since), service.reach))


@router.get("/v1/response", response_model=ResponseState)
def state(asker: Viewer) -> Response:
    """Say whether anything is ended automatically."""
    return whole(response_state(asker))


@router.post("/v1/response/pause", response_model=ResponseState)
def pause(asker: AnalystOfAll, asked: ReasonRequest, service: Served) -> Response:
    """Stop everything that happens automatically; it waits for people from now on."""
    service.acts.do(Pause(asker.principal.name, asked.reason))
    return whole(response_state(asker))


@router.post("/v1/response/resume", response_model=ResponseState)
def resume(asker: AnalystOfAll, asked: ReasonRequest, service: Served) -> Response:
    """Go on. What was held meanwhile stays with people."""
    service.acts.do(Resume(asker.principal.name, asked.reason))
    return whole(response_state(asker))


@router.get("/v1/outbox", response_model=OutboxPage, responses={200: {"content": {ARROW: {}}}})
def outbox(
    asker: Engineer,
    request: Request,
    states: MessageStates = None,
    lane: LaneText = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List messages that leave or have left, the last enqueued first."""
    answer = outbox_page(asker, states, lane, cursor, limit)
    return page(request, answer, answer.items, OutboxRow)


@router.post("/v1/outbox/retry", response_model=OutboxDone)
def retry(asker: Engineer, asked: OutboxRequest, service: Served) -> Response:
    """Have parked messages tried anew, under their own ids."""
    service.acts.do(RetryMessages(asked.lane, asker.principal.name, asked.reason, asked.message_id))
    return whole(outbox_done(asker, asked.lane, asked.message_id))


@router.post("/v1/outbox/drop", response_model=OutboxDone)
def drop(asker: Engineer, asked: OutboxRequest, service: Served) -> Response:
    """Give messages up that are parked or wait; a revocation among them has failed."""
    service.acts.do(DropMessages(asked.lane, asker.principal.name, asked.reason, asked.message_id))
    return whole(outbox_done(asker, asked.lane, asked.message_id))


@router.post("/v1/verdicts/tokens", status_code=201, response_model=VerdictToken)
def token(asker: Analyst, wanted: VerdictTokenRequest, service: Served) -> Response:
    """Make the token by which an alert's user may say once whether it was them."""
    return whole(verdict_token(asker, wanted, service.verdicts, service.acts.do), 201)


@router.post("/v1/verdicts", response_model=VerdictTaken)
def verdict(asker: Analyst, given: VerdictRequest, service: Served) -> Response:
    """Take what a user has answered: *no* ends all their sessions and opens an incident, *yes* is a label."""
    return whole(take_verdict(asker, given, service.verdicts, service.acts.do))
