"""Host and Origin: a page in somebody's browser must not reach this server by DNS rebinding."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from sessionwatch.api.problem import problem

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class HostCheck:
    """Middleware that refuses requests for other names than this server's.

    Args:
        app: what is protected.
        listen_host: the configured host; a wildcard stands for every address of the machine.
        allowed_hosts: further names.
    """

    def __init__(self, app: ASGIApp, listen_host: str, allowed_hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._any_address = listen_host in ("0.0.0.0", "::")
        names = {*LOOPBACK_NAMES, listen_host, *allowed_hosts}
        if self._any_address:
            names |= {socket.gethostname(), socket.getfqdn()}
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 421 for another name and 403 for another origin."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        origins = [value for name, value in scope["headers"] if name == b"origin"]
        if len(hosts) != 1 or not self._is_ours(f"//{hosts[0].decode('latin-1')}"):
            await problem(421, "unknown host: add it to [api] allowed_hosts")(scope, receive, send)
        elif not all(self._is_ours(origin.decode("latin-1")) for origin in origins):
            await problem(403, "unknown origin")(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_ours(self, url: str) -> bool:
        try:
            host = urlsplit(url).hostname
        except ValueError:
            return False
        if host is None:
            return False
        if host in self._names:
            return True
        # No name leads to a bare address, so that one cannot be rebound.
        return self._any_address and _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
