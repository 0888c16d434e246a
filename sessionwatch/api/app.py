"""The HTTP application: routes, and the checks before them."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware

from sessionwatch.api.health import Probes, health_routes
from sessionwatch.api.host import HostCheck


def make_app(
    probes: Probes, registry: CollectorRegistry, listen_host: str, allowed_hosts: Iterable[str] = ()
) -> Starlette:
    """Return the application.

    Args:
        probes: what the pipeline says of itself.
        registry: the metrics that are shown.
        listen_host: the host it is served on.
        allowed_hosts: further names in the Host header.
    """
    return Starlette(
        routes=list(health_routes(probes, registry)),
        middleware=[Middleware(HostCheck, listen_host=listen_host, allowed_hosts=tuple(allowed_hosts))],
    )
