"""`/healthz`, `/readyz`, `/metrics`: no personal data, so no token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Probe = Callable[[], Sequence[str]]
"""Says what is wrong, in words without personal data; nothing = all is well."""


@dataclass(frozen=True, slots=True)
class Probes:
    """What the pipeline says of itself.

    Attributes:
        alive: what only a restart would cure, such as a batch loop that has stopped.
        ready: what it waits for, such as a broker that does not answer.
    """

    alive: Probe
    ready: Probe


def health_routes(probes: Probes, registry: CollectorRegistry) -> list[Route]:
    """Return the three routes.

    Args:
        probes: asked at every request; they must answer at once.
        registry: the metrics that are shown.
    """

    async def healthz(_request: Request) -> Response:
        return _answer("alive", probes.alive())

    async def readyz(_request: Request) -> Response:
        return _answer("ready", probes.ready())

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type})

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


def _answer(word: str, problems: Sequence[str]) -> Response:
    """Answer 200 or 503; never cached, or a proxy would go on saying what was true before."""
    return JSONResponse(
        {word: not problems, "problems": list(problems)},
        503 if problems else 200,
        headers={"cache-control": "no-store"},
    )
