"""The HTTP server: uvicorn in a thread of its own, beside the batch loop."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from sessionwatch.errors import ListenError

STOP_TIMEOUT_S = 2.0
"""A request under way may take that long at the end; the whole pipeline has five seconds."""


class Server:
    """Serves an application from `start` until `stop`.

    The socket is bound when the object is made, so that a port in use is known before the pipeline starts.

    Args:
        app: what is served.
        host: name or address.
        port: 0 takes a free one.

    Raises:
        ListenError: the address cannot be had.
    """

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._socket = _bind(host, port)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="on",
                server_header=False,
                timeout_graceful_shutdown=int(STOP_TIMEOUT_S),
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="http", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that it has."""
        return int(self._socket.getsockname()[1])

    def start(self, timeout_s: float = 5.0) -> None:
        """Begin to answer; returns when it does.

        Raises:
            ListenError: it did not begin within the time.
        """
        self._thread.start()
        deadline = time.monotonic() + timeout_s
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise ListenError(f"the HTTP server on port {self.port} did not start; the log says why")
            time.sleep(0.005)

    def stop(self) -> None:
        """Finish the requests under way and end; harmless before `start`."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(STOP_TIMEOUT_S + 1)
        with contextlib.suppress(OSError):
            self._socket.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ListenError(f"cannot listen on {host}: {error.strerror}: change [api] listen") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Listening here, not later in uvicorn, is what finds a port that another process listens on.
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ListenError(
                f"port {port} on {host} is in use: stop what listens there, or change [api] listen"
            ) from None
        raise ListenError(
            f"cannot listen on {host}:{port}: {(error.strerror or 'refused').lower()}: change [api] listen"
        ) from None
    return listener
