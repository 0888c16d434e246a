"""Errors as RFC 9457 says: `application/problem+json`, for every one that is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from schemas.api import Problem, ProblemPlace
from store.errors import StoreError

MEDIA_TYPE = "application/problem+json"
_MOST_PLACES = 20

log = structlog.get_logger(__name__)


class Refusal(Exception):
    """A request that is not answered as it was meant.

    Args:
        status: of HTTP.
        detail: what is wrong and what to do, for people.
        headers: further ones.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def not_found(what: str) -> Refusal:
    """Return the refusal of what does not exist, or may not be seen: which of the two is told to nobody."""
    return Refusal(404, f"there is no such {what}, or it is beyond the retention")


def problem(
    status: int,
    detail: str = "",
    *,
    errors: Sequence[ProblemPlace] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer that tells of a problem."""
    body = Problem(title=_title(status), status=status, detail=detail, errors=list(errors))
    return Response(body.model_dump_json(), status, {"cache-control": "no-store", **(headers or {})}, MEDIA_TYPE)


def tell_problems(app: FastAPI) -> None:
    """Have every error of an application answered so."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StoreError, _store)
    app.add_exception_handler(Exception, _unexpected)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return problem(error.status, error.detail, headers=error.headers)


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # What was sent is not repeated: it may be long, hostile or secret.
    places = [
        ProblemPlace(where=".".join(str(part) for part in one["loc"])[:200], what=str(one["msg"])[:300])
        for one in error.errors()[:_MOST_PLACES]
    ]
    return problem(422, "the request is not as the API expects it", errors=places)


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, headers=error.headers)


async def _store(_request: Request, error: Exception) -> Response:
    log.error("the store did not answer", why=str(error))
    return problem(503, "the store did not answer", headers={"retry-after": "5"})


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("request failed", method=request.method, route=_route(request), exc_info=error)
    return problem(500, "an error of sessionwatch itself; its log says more")


def _route(request: Request) -> str:
    """Return the route's pattern: a path itself may hold what belongs into no log."""
    return str(getattr(request.scope.get("route"), "path", ""))


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
