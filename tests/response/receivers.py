"""Real HTTP receivers on loopback that answer as a test wants, well or badly."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDnS5m"


@dataclass
class Call:
    """One request that arrived."""

    headers: dict[str, str]
    body: bytes
    at: float
    connection: int
    client: str | None = None
    """The common name of the client's certificate, where it was asked for one."""

    def verified(self, secret: str = SECRET) -> dict[str, object]:
        """The body, after the reference library has verified its signature."""
        return Webhook(secret).verify(self.body, self.headers)  # type: ignore[no-any-return]


Behaviour = Callable[[BaseHTTPRequestHandler], None]


def answers(status: int, **headers: str) -> Behaviour:
    """Answer with a status and headers (`retry_after="1"` is Retry-After)."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("content-length", "0")
        request.end_headers()

    return answer


def says(document: object, status: int = 200) -> Behaviour:
    """Answer with a JSON document."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        content = json.dumps(document).encode()
        request.send_response(status)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return answer


def hangs(seconds: float = 30.0) -> Behaviour:
    """Say nothing until the other side gives up."""

    def hang(request: BaseHTTPRequestHandler) -> None:
        _wait_for_end(request, seconds)

    return hang


def drips(interval_s: float = 0.02) -> Behaviour:
    """Answer 200 with one byte of an endless header at a time."""

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
        try:
            while True:
                request.wfile.write(b"a")
                time.sleep(interval_s)
        except OSError:
            request.close_connection = True

    return drip


def closes_in_the_middle(request: BaseHTTPRequestHandler) -> None:
    """Promise a hundred bytes, send three, hang up."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc")
    request.wfile.flush()
    request.connection.shutdown(socket.SHUT_RDWR)
    request.close_connection = True


def floods(request: BaseHTTPRequestHandler) -> None:
    """Answer 200 with a body of a megabyte."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    try:
        request.wfile.write(b"a" * 1_000_000)
    except OSError:
        request.close_connection = True


def _wait_for_end(request: BaseHTTPRequestHandler, seconds: float) -> None:
    request.connection.settimeout(seconds)
    with suppress(OSError):
        request.connection.recv(1)
    request.close_connection = True


def _client_name(connection: socket.socket) -> str | None:
    certificate = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    if not certificate:
        return None
    subject = {name: value for ((name, value),) in certificate["subject"]}  # type: ignore[misc, union-attr]
    return str(subject["commonName"])


@dataclass
class Receiver:
    """A receiver: the behaviours are used up one a request, the last one stays."""

    behaviours: list[Behaviour] = field(default_factory=lambda: [answers(204)])
    calls: list[Call] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    def __enter__(self) -> Receiver:
        receiver = self

        class Request(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                client = _client_name(self.connection)
                self.call = Call(headers, body, time.monotonic(), self.client_address[1], client)
                receiver.calls.append(self.call)
                behaviour = receiver.behaviours[0]
                if len(receiver.behaviours) > 1:
                    receiver.behaviours.pop(0)
                behaviour(self)

            do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - the base class names them

            def log_message(self, format: str, *args: object) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self._server.daemon_threads = True
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        """The port on loopback."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The URL of its endpoint."""
        return f"http://127.0.0.1:{self.port}/revocations"


def answering(*behaviours: Behaviour) -> Receiver:
    """A receiver with these behaviours."""
    return Receiver(list(behaviours))
