"""What the response waits for, and what bounds it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from schemas.api import GuardBudgets, OnCallView, OpenStepUps
from sessionwatch.api.answers.waiting import guard_budgets, on_call, open_step_ups
from sessionwatch.api.permission import Served, Viewer
from sessionwatch.api.table import whole

router = APIRouter(tags=["response"])


@router.get("/v1/response/budgets", response_model=GuardBudgets)
def budgets(asker: Viewer, service: Served) -> Response:
    """Say how many sessions the last hour has ended, and how many it may, app by app."""
    return whole(guard_budgets(asker, service.budgets))


@router.get("/v1/step-ups", response_model=OpenStepUps)
def step_ups(asker: Viewer, service: Served) -> Response:
    """List the users who are being asked to prove who they are, and what follows without an answer."""
    return whole(open_step_ups(asker, service.budgets, service.reach))


@router.get("/v1/on-call", response_model=OnCallView)
def people(asker: Viewer) -> Response:
    """Say who is told when nobody answers, and list the alerts that nobody has answered, the most severe first."""
    return whole(on_call(asker))
