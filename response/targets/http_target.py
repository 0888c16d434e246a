"""What all targets that speak HTTP share: a name, an app, and one client for the receiver."""

from __future__ import annotations

import ssl
from typing import ClassVar, TypedDict, Unpack

from response.clock import Clock, now_us
from response.http import DEADLINE_S, HttpClient


class Connection(TypedDict, total=False):
    """How a receiver is reached; what is left out is as by default.

    Attributes:
        allow_private: loopback, private and link-local addresses are allowed.
        ssl_context: replaces the system's trust store, and may hold a certificate of the client.
        deadline_s: for one request, seconds.
        clock: microseconds since the epoch.
    """

    allow_private: bool
    ssl_context: ssl.SSLContext | None
    deadline_s: float
    clock: Clock


class HttpTarget:
    """The beginning of a target: `deliver`, `kind`, `scopes` and `kinds` are its own.

    Args:
        name, app: as in the configuration.
        connection: to the receiver.
    """

    deadline_s: ClassVar[float] = DEADLINE_S
    """For one request, seconds, where a connection does not say."""

    def __init__(self, name: str, app: str, **connection: Unpack[Connection]) -> None:
        self.name = name
        self.app = app
        self._clock = connection.get("clock", now_us)
        self._client = HttpClient(
            allow_private=connection.get("allow_private", False),
            deadline_s=connection.get("deadline_s", self.deadline_s),
            ssl_context=connection.get("ssl_context"),
        )

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()
