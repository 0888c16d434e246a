"""The one outgoing HTTP client (decision 34): checked addresses, no redirects, a hard deadline."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import httpcore
import msgspec

from response.addresses import AddressRefused, NotResolved, check, is_loopback, resolve
from response.errors import TargetRefused

MAX_ANSWER_BYTES = 64 * 1024
DEADLINE_S = 15.0
"""For the whole exchange, from the name's look-up to the last byte (Standard Webhooks 1.0)."""
KEEP_ALIVE_S = 120.0
"""How long an idle connection is kept: a revocation should not wait for a TLS handshake."""

_SENDABLE = re.compile(r"[!-~]+")


class Answer(msgspec.Struct, frozen=True):
    """What a receiver answered. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class HttpFailed(Exception):
    """No answer came; the text says why in a few words."""


def check_url(url: str) -> None:
    """Refuse a URL that this client could never use.

    Raises:
        TargetRefused: no host, another scheme than http or https, a user or fragment in it, a blank, or a sign
            that is not ASCII.
    """
    # `urlsplit` takes line breaks and tabs out without a word; the client sends none of these.
    if not _SENDABLE.fullmatch(url):
        raise TargetRefused("the URL must be written in ASCII, without blanks and control characters")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise TargetRefused(f"the URL cannot be read: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TargetRefused("the URL must begin with https:// (http:// on loopback only) and name a host")
    if parts.username or parts.password or parts.fragment:
        raise TargetRefused("the URL must hold neither user nor password nor fragment")


class HttpClient:
    """Talks to one receiver at a time. Each lane has a client of its own; it belongs to that lane's thread.

    Args:
        allow_private: loopback, private and link-local destinations are allowed. Plain http is taken on
            loopback only, whatever this says.
        deadline_s: for one whole exchange, seconds.
        ssl_context: replaces the system's trust store.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        deadline_s: float = DEADLINE_S,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._deadline_s = deadline_s
        self._connections = _CheckedConnections(allow_private)
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context or ssl.create_default_context(),
            max_connections=2,
            max_keepalive_connections=1,
            keepalive_expiry=KEEP_ALIVE_S,
            network_backend=self._connections,
        )

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a body and return the answer, whatever its status; redirects are answers like any other.

        Raises:
            HttpFailed: no answer within the deadline, a refused address, a broken connection or an answer that
                is too long.
        """
        return self.request("POST", url, headers, body)

    def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Fetch what stands at a URL, as `post` posts."""
        return self.request("GET", url, headers)

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Make a request of any method, as `post` posts."""
        self._connections.begin(time.monotonic() + self._deadline_s, plain=url.startswith("http:"))
        try:
            with self._pool.stream(method, url, headers=list(headers.items()), content=body) as answer:
                content = _read(answer.iter_stream())
                return Answer(answer.status, _decoded(answer.headers), content)
        except (AddressRefused, NotResolved) as error:
            raise HttpFailed(str(error)) from error
        except httpcore.TimeoutException as error:
            raise HttpFailed(f"no whole answer within {self._deadline_s:g} s") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise HttpFailed(f"the connection failed: {str(error) or type(error).__name__}") from error

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()


def _read(chunks: Iterable[bytes]) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise HttpFailed(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
    return bytes(content)


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


class _CheckedConnections(httpcore.SyncBackend):
    """Opens connections to checked addresses only; Host and SNI stay those of the URL."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._plain = False
        self.deadline = 0.0

    def begin(self, deadline: float, plain: bool) -> None:
        """Begin an exchange.

        Args:
            deadline: on the monotonic clock, seconds.
            plain: the exchange is not encrypted.
        """
        self.deadline = deadline
        self._plain = plain

    def remaining_s(self) -> float:
        """Return what is left of the deadline, in seconds.

        Raises:
            httpcore.ReadTimeout: nothing is left.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("deadline")
        return left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers, after all of them were checked."""
        addresses = resolve(host, port, self.remaining_s())
        for address in addresses:
            check(address, self._allow_private)
            if self._plain and not is_loopback(address):
                raise AddressRefused(f"{address} is not loopback: use https")
        failed: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for place, address in enumerate(addresses):
            # One dead address of several must not use up the time of the others.
            share_s = self.remaining_s() / (len(addresses) - place)
            try:
                stream = super().connect_tcp(str(address), port, share_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return _Limited(stream, self)
        raise failed or httpcore.ConnectError("no address")


class _Limited(httpcore.NetworkStream):
    """A connection whose every step ends at the exchange's deadline: dripping bytes cannot hold it."""

    def __init__(self, stream: httpcore.NetworkStream, connections: _CheckedConnections) -> None:
        self._stream = stream
        self._connections = connections

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._connections.remaining_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._connections.remaining_s())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        encrypted = self._stream.start_tls(ssl_context, server_hostname, self._connections.remaining_s())
        return _Limited(encrypted, self._connections)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
