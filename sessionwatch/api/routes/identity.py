"""Who one is: sign in with a code, and what a token may do."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from schemas.api import Me, SignedIn, SignInRequest
from schemas.instant import to_datetime
from sessionwatch.api.permission import Served, Viewer, bearer, note_guess, source
from sessionwatch.api.principal import Principal
from sessionwatch.api.problem import Refusal
from sessionwatch.api.table import whole

router = APIRouter(tags=["who"])


@router.post("/v1/sign-in", response_model=SignedIn)
async def sign_in(asked: SignInRequest, service: Served, request: Request) -> Response:
    """Change a one-time code for a bearer token. Codes live 60 seconds, the token 12 hours, both in memory only."""
    signed_in = service.tokens.sign_in(asked.code)
    if signed_in is None:
        note_guess(request, service)
        raise Refusal(401, "this code is spent, older than 60 seconds, or none", {"www-authenticate": "Bearer"})
    token, principal = signed_in
    service.visits.signed_in(principal, source(request))
    return whole(SignedIn(token=token, **_me(principal).model_dump()))


@router.post("/v1/sign-out", status_code=204, response_class=Response)
async def sign_out(asker: Viewer, service: Served, request: Request) -> Response:
    """Forget the token of a sign-in; one of the configuration stays valid."""
    service.tokens.sign_out(bearer(request))
    service.visits.signed_out(asker.principal)
    return Response(status_code=204)


@router.get("/v1/me", response_model=Me)
async def me(asker: Viewer) -> Response:
    """Say whom the token speaks for."""
    return whole(_me(asker.principal))


def _me(principal: Principal) -> Me:
    return Me(
        name=principal.name,
        role=principal.role,
        apps=None if principal.apps is None else sorted(principal.apps),
        expires=None if principal.expires_us is None else to_datetime(principal.expires_us),
    )
