"""Fire drills: begun, looked at, and told when they were missed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from schemas.api import DrillBegun, DrillRequest, DrillView, MissedDrill, MissedDrillAlert
from sessionwatch.api.answers.drills import begin_drill, drill_view, tell_missed_drill
from sessionwatch.api.permission import Engineer, Served, Viewer
from sessionwatch.api.table import whole

DrillInPath = Annotated[str, Path(max_length=256, description="The drill's signed id.")]

router = APIRouter(tags=["drills"])


@router.post("/v1/drills", status_code=201, response_model=DrillBegun)
def begin(asker: Engineer, wanted: DrillRequest, service: Served) -> Response:
    """Begin a drill: sign an id for it. The events are sent by whoever asks, as an app would send them."""
    return whole(begin_drill(asker, wanted, service.drills, service.acts.do), 201)


@router.get("/v1/drills/{drill}", response_model=DrillView)
def drill(asker: Viewer, drill: DrillInPath) -> Response:
    """Show what a drill has led to: alerts, whether they were told, and revocations."""
    return whole(drill_view(asker, drill))


@router.post("/v1/drills/missed", status_code=201, response_model=MissedDrillAlert)
def missed(asker: Engineer, wanted: MissedDrill, service: Served) -> Response:
    """Raise an alert for a drill that was not detected, told or revoked in time."""
    return whole(tell_missed_drill(asker, wanted, service.acts.do), 201)
