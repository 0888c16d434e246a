"""The audit log, for admins: read, checked, and made to forget a name."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from response.commands import EraseName
from schemas.api import AuditCheck, AuditCheckpoints, AuditPage, AuditRow, NameErased, NameErasure
from sessionwatch.api.answers.audit import audit_check, audit_checkpoints, audit_page, name_erased
from sessionwatch.api.permission import Admin, Served
from sessionwatch.api.query import Cursor, Instant
from sessionwatch.api.table import ARROW, page, whole

MAX_LINES = 5_000
"""Lines of one page: an export takes the whole log, and asks in large pieces."""

Since = Annotated[Instant, Query(description="Lines from then on, RFC 3339; else from the first.")]
Until = Annotated[Instant, Query(description="Lines before this, RFC 3339; else to the last.")]
Lines = Annotated[int, Query(ge=1, le=MAX_LINES, description="Most lines.")]
HeadText = Annotated[
    str | None,
    Query(
        alias="head",
        max_length=1_000,
        description="LINE:HASH that the log has told, or the log's line: finds a cut tail.",
    ),
]
Keys = Annotated[
    list[Annotated[str, Query(max_length=64)]] | None,
    Query(alias="key", max_length=20, description="A public key whose checkpoints count; else the pipeline's own."),
]

router = APIRouter(tags=["audit"])


@router.get("/v1/audit", response_model=AuditPage, responses={200: {"content": {ARROW: {}}}})
def lines(
    asker: Admin, request: Request, since: Since = None, until: Until = None, cursor: Cursor = None, limit: Lines = 100
) -> Response:
    """List the lines of the audit log as they are hashed, the oldest first."""
    answer = audit_page(asker, since, until, cursor, limit)
    return page(request, answer, answer.items, AuditRow)


@router.get("/v1/audit/checkpoints", response_model=AuditCheckpoints)
def checkpoints(asker: Admin) -> Response:
    """List what was signed of the audit log."""
    return whole(audit_checkpoints(asker))


@router.get("/v1/audit/verify", response_model=AuditCheck)
def verify(asker: Admin, service: Served, head: HeadText = None, keys: Keys = None) -> Response:
    """Check the whole audit log, and name the line that is not as it was written."""
    return whole(audit_check(asker, keys or [service.audit_key.public], head))


@router.post("/v1/audit/erasures", response_model=NameErased)
def erase(asker: Admin, wanted: NameErasure, service: Served) -> Response:
    """Have the audit log forget a name, and the texts that mention it; the chain stays whole."""
    service.acts.do(EraseName(wanted.name, asker.principal.name, wanted.reason))
    return whole(name_erased(asker, service.audit_key.pseudonym(wanted.name)))
