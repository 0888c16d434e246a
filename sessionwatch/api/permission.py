"""Who may: the dependency by which every route says the least role that it wants."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import Request

from schemas.api import Role
from sessionwatch.api.asker import Asker
from sessionwatch.api.problem import Refusal
from sessionwatch.api.service import Service

_LONGEST_TOKEN = 512
# Only for the OpenAPI document: the check below tells 401 from 403, which this would not.
_scheme = HTTPBearer(auto_error=False, description="A token of `[[api.tokens]]`, or one from `POST /v1/sign-in`.")


class Permission:
    """Lets a request through whose token has at least a role.

    Args:
        role: the least.
        all_apps: refuse tokens that are limited to apps.
    """

    def __init__(self, role: Role, *, all_apps: bool = False) -> None:
        self.role = role
        self.all_apps = all_apps

    async def __call__(self, request: Request, _scheme: Annotated[object, Depends(_scheme)] = None) -> Asker:
        """Return who asks.

        Raises:
            Refusal: 401 without a valid token, 403 without the role, 429 when asked too often.
        """
        service: Service = request.app.state.service
        principal = service.tokens.find(bearer(request))
        if principal is None:
            note_guess(request, service)
            raise Refusal(401, "expected a valid bearer token", {"www-authenticate": "Bearer"})
        wait_s = service.rates.wait_s(f"{principal.name} {principal.expires_us}")
        if wait_s:
            raise Refusal(429, f"too many requests: try again in {wait_s} s", {"retry-after": str(wait_s)})
        if not principal.may(self.role):
            service.visits.denied(principal.name, f"it needs the role {self.role}, the token has {principal.role}")
            raise Refusal(403, f"this needs the role {self.role}, the token has {principal.role}")
        if self.all_apps and principal.apps is not None:
            service.visits.denied(principal.name, "it is not told by app, and the token is limited to apps")
            raise Refusal(403, "this is not told by app, and the token is limited to apps")
        service.visits.used(principal, source(request))
        return Asker(principal, service.installation, service.read)


def bearer(request: Request) -> str:
    """Return the token of a request.

    Raises:
        Refusal: 401, there is none.
    """
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
        service_of(request).visits.denied(source(request), "a request without a token")
        raise Refusal(401, "expected a valid bearer token", {"www-authenticate": "Bearer"})
    return token


def note_guess(request: Request, service: Service) -> None:
    """Take note of a wrong token or code. Who guesses locks nobody out: valid ones were let through before.

    Raises:
        Refusal: 429, the address has guessed too often.
    """
    service.visits.denied(source(request), "a wrong token or code")
    wait_s = service.guesses.wait_s(source(request))
    if wait_s:
        raise Refusal(429, f"too many wrong guesses: try again in {wait_s} s", {"retry-after": str(wait_s)})


def source(request: Request) -> str:
    """Return the address that a request came from. A forwarded one would be anybody's word."""
    return request.client.host if request.client else ""


def service_of(request: Request) -> Service:
    """Return what answers are made with."""
    service: Service = request.app.state.service
    return service


VIEWER = Depends(Permission("viewer"))
"""For a route that needs a token and not who holds it."""

Viewer = Annotated[Asker, Depends(Permission("viewer"))]
Analyst = Annotated[Asker, Depends(Permission("analyst"))]
Engineer = Annotated[Asker, Depends(Permission("engineer", all_apps=True))]
Admin = Annotated[Asker, Depends(Permission("admin", all_apps=True))]
Served = Annotated[Service, Depends(service_of)]
