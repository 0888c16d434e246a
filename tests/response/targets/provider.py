"""Small identity providers on loopback that follow the API documents of the real ones, errors included."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request that arrived.

    Attributes:
        path: as it was sent, still quoted.
        names: what the route's groups matched, unquoted.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    names: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Says:
    """An answer."""

    status: int
    document: object = None
    headers: dict[str, str] = field(default_factory=dict)


Route = Callable[[Asked], Says]


class Provider:
    """A server whose answers are routes; `first` are answers that come before them, one a request."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.first: list[Says] = []
        self._routes: list[tuple[str, re.Pattern[str], Route]] = []

    def on(self, method: str, pattern: str, route: Route) -> None:
        """Answer requests whose whole path matches; each ``{}`` stands for one segment."""
        self._routes.append((method, re.compile(re.escape(pattern).replace(r"\{\}", "([^/]+)")), route))

    def calls(self) -> list[str]:
        """What was asked for, requests for tokens left out."""
        return [str(one) for one in self.asked if not one.path.endswith("/token")]

    def __enter__(self) -> Self:
        provider = self

        class Request(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                said = provider._answer(self)
                body = b"" if said.document is None else json.dumps(said.document).encode()
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the base class names them

            def log_message(self, format: str, *args: object) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where its paths begin."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def _answer(self, request: BaseHTTPRequestHandler) -> Says:
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.rfile.read(int(headers.get("content-length", 0)))
        asked = Asked(request.command, parts.path, query, headers, body)
        self.asked.append(asked)
        if self.first:
            return self.first.pop(0)
        for method, pattern, route in self._routes:
            matched = pattern.fullmatch(parts.path)
            if method == request.command and matched:
                names = tuple(unquote(name) for name in matched.groups())
                return route(Asked(asked.method, asked.path, query, headers, body, names))
        return Says(404, {"error": "no such path"})
