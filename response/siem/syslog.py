"""Documents as syslog messages, RFC 5424: by UDP (RFC 5426), TCP with octet counting (RFC 6587), or TLS (RFC 5425)."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from typing import Literal, Protocol, get_args

from response.errors import TargetRefused
from response.outcome import DELIVERED, Outcome
from response.siem.documents import Format, severity_of
from response.siem.syslog_connection import DatagramConnection, StreamConnection
from response.text import safe
from response.tls import TlsFiles
from schemas.instant import to_datetime
from store.rows import OutboxMessage

Transport = Literal["udp", "tcp", "tls"]
Facility = Literal[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
]  # fmt: skip
"""In the order of their codes: RFC 5424 section 6.2.1."""

MAX_FRAME_BYTES = 8_192
"""What rsyslog and syslog-ng take as they are installed; RFC 5424 section 6.1 asks for 2,048 at least."""
MAX_DOCUMENT_BYTES = MAX_FRAME_BYTES - 384
"""What a header leaves of it: a host's name has 255 characters at most."""

DEADLINE_S = 10.0
"""For connecting, and for sending one message."""

_APP = "sessionwatch"
_CODES = {name: code for code, name in enumerate(get_args(Facility))}
# Informational 6, low 5 (notice), medium 4 (warning), high 3 (error), critical 2.
_MOST, _SPAN = 7, 5
_NOT_PRINTED = re.compile(r"[^!-~]+")


class Connection(Protocol):
    """Carries frames."""

    def send(self, frame: bytes) -> None:
        """Send a message; raises OSError where it cannot be known to have left."""

    def close(self) -> None:
        """Let go of the connection; the next `send` opens another."""


class Syslog:
    """Sends documents to a syslog receiver.

    Syslog acknowledges nothing: *delivered* means handed to the network (UDP), or to a connection that the receiver had
    not closed by then (TCP, TLS). What a receiver had not read when it died is lost.

    Args:
        host, port: of the receiver.
        form: the schema of the documents.
        transport: how it is spoken to.
        facility: as which the messages are filed.
        tls: whom to trust, and the client's certificate; for transport "tls".
        deadline_s: for connecting, and for each message, seconds.
        hostname: of this machine; None = as it calls itself.
    """

    def __init__(
        self,
        host: str,
        port: int,
        form: Format,
        *,
        transport: Transport = "tls",
        facility: Facility = "authpriv",
        tls: TlsFiles | None = None,
        deadline_s: float = DEADLINE_S,
        hostname: str | None = None,
    ) -> None:
        self._form = form
        self._facility = _CODES[facility]
        self._hostname = _NOT_PRINTED.sub("", hostname or socket.gethostname())[:255] or "-"
        self._connection: Connection
        if transport == "udp":
            self._connection = DatagramConnection(host, port)
        else:
            files = (tls or TlsFiles()) if transport == "tls" else None
            self._connection = StreamConnection(host, port, deadline_s, files)

    def deliver(self, messages: Sequence[OutboxMessage]) -> list[Outcome]:
        """Send each message once, in their order; what comes behind one that failed is left for the next try."""
        outcomes: list[Outcome] = []
        for message in messages:
            try:
                self._connection.send(self.frame(message))
            except (OSError, TargetRefused) as error:
                self._connection.close()
                outcomes += [Outcome("retry", _in_words(error))] * (len(messages) - len(outcomes))
                break
            outcomes.append(DELIVERED)
        return outcomes

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def frame(self, message: OutboxMessage) -> bytes:
        """Return a message as RFC 5424 section 6 writes it; the same on every try.

        Args:
            message: its payload is ASCII, so that no byte order mark is needed.
        """
        priority = 8 * self._facility + _MOST - min(_SPAN, max(1, severity_of(message.payload, self._form)))
        moment = to_datetime(message.created_us).isoformat(timespec="microseconds").replace("+00:00", "Z")
        header = f"<{priority}>1 {moment} {self._hostname} {_APP} - {self._form} -"
        return f"{header} {message.payload}".encode("ascii")


def _in_words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the syslog receiver does not take it in time"
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return safe(f"the syslog receiver cannot be reached: {reason}")
