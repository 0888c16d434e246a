"""The lead's digests: what the next would say, and one by hand."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from response.commands import SendDigest
from schemas.api import DigestName, DigestView
from sessionwatch.api.answers.digest import digest_view
from sessionwatch.api.permission import Engineer, Served
from sessionwatch.api.table import whole

router = APIRouter(tags=["digests"])


@router.get("/v1/digests/{kind}", response_model=DigestView)
def digest(asker: Engineer, kind: DigestName) -> Response:
    """Say what the next digest would say, as of now."""
    return whole(digest_view(asker, kind))


@router.post("/v1/digests/{kind}/send", response_model=DigestView)
def send(asker: Engineer, kind: DigestName, service: Served) -> Response:
    """Mail it now, besides the one at its hour."""
    said = digest_view(asker, kind)
    service.acts.do(SendDigest(kind, asker.principal.name))
    return whole(said)
