"""The pipeline itself: how it is doing, and what it has refused."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from sessionwatch_emitter.errors import EmitterError
from starlette.requests import Request
from starlette.responses import Response

from ingest.connection import SourceError
from response.commands import Note
from schemas.api import DeadLetterPage, DeadLetterRow, Redriven, RedriveRequest, SystemView
from schemas.instant import parse_rfc3339
from sessionwatch.api.answers.system import dead_letter_page, system_view
from sessionwatch.api.permission import Engineer, Served, Viewer
from sessionwatch.api.problem import Refusal
from sessionwatch.api.query import Cursor, Limit, Since
from sessionwatch.api.table import ARROW, page, whole

ReasonName = Annotated[str | None, Query(alias="reason", pattern=r"^[a-z_]{1,32}$", description="Only for this.")]

router = APIRouter(tags=["system"])


@router.get("/v1/system", response_model=SystemView)
def system(asker: Viewer, service: Served) -> Response:
    """Say whether what is shown is live, and how the pipeline is doing."""
    return whole(system_view(asker, service.beat(), service.open_breakers()))


@router.get("/v1/dead-letters", response_model=DeadLetterPage, responses={200: {"content": {ARROW: {}}}})
def dead_letters(
    asker: Engineer,
    request: Request,
    reason: ReasonName = None,
    since: Since = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """List refused messages, the last to arrive first. Their content goes to admins alone."""
    answer = dead_letter_page(asker, reason, since, cursor, limit)
    return page(request, answer, answer.items, DeadLetterRow)


@router.post("/v1/dead-letters/redrive", response_model=Redriven)
def redrive(asker: Engineer, asked: RedriveRequest, service: Served) -> Response:
    """Read refused messages again from Kafka, and send them through once more."""
    since_us = 0 if asked.since is None else parse_rfc3339(asked.since)
    letters = asker.reader.refused_page(reason=asked.dead_letter_reason, since_us=since_us, limit=asked.limit)
    try:
        done = service.redrive(letters)
    except (SourceError, EmitterError) as error:
        raise Refusal(503, str(error), {"retry-after": "10"}) from None
    subject = asked.dead_letter_reason or "all reasons"
    why = f"{asked.reason} ({done.sent} of {done.found} sent)"
    service.acts.do(Note("dead letters redriven", subject, asker.principal.name, why))
    return whole(done)
