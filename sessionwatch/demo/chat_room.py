"""A chat service on loopback, to which Apprise really posts: an alert is sent when it has arrived here."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

LARGEST_BODY = 64 * 1024


class ChatRoom:
    """Takes what Apprise's `json://` posts.

    Args:
        hear: told the text of each message, in a thread of the room's own.
    """

    def __init__(self, hear: Callable[[str], None]) -> None:
        self._hear = hear
        # Others on this machine must not be able to say that an alert was sent.
        self._path = f"/{secrets.token_urlsafe(24)}"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._caller())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="chat-room")

    @property
    def url(self) -> str:
        """The address for Apprise."""
        return f"json://127.0.0.1:{self._server.server_port}{self._path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, path: str, body: bytes) -> HTTPStatus:
        if not hmac.compare_digest(path.encode(), self._path.encode()):
            return HTTPStatus.NOT_FOUND
        try:
            message = json.loads(body)
            text = f"{message['title']}\n{message['message']}"
        except (ValueError, TypeError, KeyError):
            return HTTPStatus.BAD_REQUEST
        self._hear(text)
        return HTTPStatus.OK

    def _caller(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Caller(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = self.headers.get("Content-Length", "")
                if not (length.isascii() and length.isdigit()) or int(length) > LARGEST_BODY:
                    self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                    return
                self.send_response(take(self.path, self.rfile.read(int(length))))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the path is a secret."""

        return Caller
