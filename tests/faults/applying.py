"""A bank that carries out what it is told by means of the SDK, and whose answers sometimes do not come back."""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from sessionwatch_emitter import RevocationList, RevocationReceiver, SessionEmitter

from tests.response.receivers import SECRET, Call, Receiver

TROUBLE = 0.1
"""The share of requests that are answered badly; of these a half has been carried out before."""


class Bank(Receiver):
    """Applies revocations to the list that its pages would ask.

    Attributes:
        applied: how often each message took effect.
        order: by session, what took effect, oldest first: sequence, and whether it revokes.
    """

    def __init__(self, folder: Path, servers: str, topic: str) -> None:
        super().__init__([self._apply])
        self.applied: Counter[str] = Counter()
        self.order: dict[str, list[tuple[int, bool]]] = {}
        folder.mkdir()
        self._list = RevocationList(folder / "revocations.sqlite")
        self._emitter = SessionEmitter(
            "bank", secret=b"a secret of the tests, long enough to be one", bootstrap_servers=servers, topic=topic
        )
        self._receiver = RevocationReceiver(self._list, self._emitter, secrets=[SECRET])
        self._chance = random.Random(11)
        self._lock = threading.Lock()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._emitter.close(timeout=2)
        self._list.close()

    def refuses(self, session_id: str) -> bool:
        """Whether the bank would refuse a request with this session."""
        return self._list.refusal([session_id]) is not None

    def _apply(self, request: BaseHTTPRequestHandler) -> None:
        call: Call = request.call  # type: ignore[attr-defined]
        if len(call.body) < int(call.headers["content-length"]):
            request.close_connection = True
            return
        with self._lock:
            trouble = self._chance.random() / TROUBLE
            if trouble < 0.5:
                _answer(request, 500)
                return
            said = self._receiver.receive(call.headers, call.body)
            if said.body == b"applied\n":
                self._note(call)
        if trouble < 1:
            request.connection.shutdown(socket.SHUT_RDWR)
            request.close_connection = True
            return
        _answer(request, said.status)

    def _note(self, call: Call) -> None:
        message = call.verified()
        told: dict[str, object] = message["data"]  # type: ignore[assignment]
        self.applied[call.headers["webhook-id"]] += 1
        session, sequence = str(told["session_id"]), int(str(told["sequence"]))
        self.order.setdefault(session, []).append((sequence, message["type"] == "session.revoked"))


def _answer(request: BaseHTTPRequestHandler, status: int) -> None:
    request.send_response(status)
    request.send_header("content-length", "0")
    request.end_headers()
