"""The HTTP application: routes, and the checks before them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response

from sessionwatch.api.act_page import act_page_routes
from sessionwatch.api.health import Probes, health_routes
from sessionwatch.api.host import HostCheck
from sessionwatch.api.limits import SafeHeaders, SizeLimits
from sessionwatch.api.openapi import openapi_document
from sessionwatch.api.permission import VIEWER
from sessionwatch.api.problem import tell_problems
from sessionwatch.api.routes import (
    alerts,
    apps,
    audit,
    campaigns,
    digests,
    drills,
    identity,
    links,
    response,
    revocations,
    rules,
    sessions,
    streams,
    system,
    users,
    waiting,
)
from sessionwatch.api.service import Service
from sessionwatch.api.ssf.routes import ssf_routes

THREADS = 12
"""Requests that are worked on at a time. Each has a cursor of its own, and most take milliseconds; more would only
take the processor from the pipeline."""


def make_app(
    probes: Probes,
    registry: CollectorRegistry,
    listen_host: str,
    allowed_hosts: Iterable[str] = (),
    service: Service | None = None,
) -> FastAPI:
    """Return the application.

    Args:
        probes: what the pipeline says of itself.
        registry: the metrics that are shown.
        listen_host: the host it is served on.
        allowed_hosts: further names in the Host header.
        service: what the API answers with; None = health and metrics alone.
    """
    app = FastAPI(
        # The framework's pages load scripts from elsewhere; the document itself is a route that wants a token.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        routes=list(health_routes(probes, registry)),
        middleware=[
            Middleware(HostCheck, listen_host=listen_host, allowed_hosts=tuple(allowed_hosts)),
            Middleware(SafeHeaders),
            Middleware(SizeLimits),
        ],
        lifespan=_few_threads,
        redirect_slashes=False,
    )
    tell_problems(app)
    if service is not None:
        serve(app, service)
    return app


def serve(app: FastAPI, service: Service) -> None:
    """Add the API to an application that has not been started yet."""
    app.state.service = service
    for room in (
        identity, alerts, campaigns, sessions, users, revocations, response, waiting, rules, drills, streams, system,
        audit, apps, links, digests,
    ):  # fmt: skip
        app.include_router(room.router)
    app.router.routes.extend(ssf_routes())
    app.router.routes.extend(act_page_routes())
    _serve_document(app)


def _serve_document(app: FastAPI) -> None:
    document = openapi_document(app)

    @app.get("/v1/openapi.json", dependencies=[VIEWER], include_in_schema=False)
    async def openapi() -> Response:
        """Describe the API."""
        return JSONResponse(document)


@asynccontextmanager
async def _few_threads(_app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield
