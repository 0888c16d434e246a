"""Event streams of receivers of shared signals: looked at, and paused or enabled by the operator."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from schemas.api import StreamList, StreamStatusRequest, StreamView
from schemas.event import APP_PATTERN
from sessionwatch.api.permission import Engineer, Served
from sessionwatch.api.problem import not_found
from sessionwatch.api.service import Service
from sessionwatch.api.ssf.hub import Hub
from sessionwatch.api.ssf.oversight import change_status, stream_list
from sessionwatch.api.table import whole

ReceiverInPath = Annotated[str, Path(pattern=APP_PATTERN, description="Its name in `[[ssf.receivers]]`.")]

router = APIRouter(tags=["shared signals"])


@router.get("/v1/streams", response_model=StreamList)
def streams(_asker: Engineer, service: Served) -> Response:
    """List the event streams of receivers of shared signals."""
    return whole(stream_list(_hub(service)))


@router.put("/v1/streams/{receiver}/status", response_model=StreamView)
def status(asker: Engineer, receiver: ReceiverInPath, wanted: StreamStatusRequest, service: Served) -> Response:
    """Enable, pause or disable a receiver's stream; a stream-updated event tells the receiver."""
    return whole(change_status(_hub(service), receiver, service.acts, wanted, asker.principal.name))


def _hub(service: Service) -> Hub:
    if service.ssf is None:
        raise not_found("stream")
    return service.ssf
