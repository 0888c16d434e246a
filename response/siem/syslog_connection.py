"""Connections to a syslog receiver, opened when they are needed and again when they have ended."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress

from response.tls import TlsFiles

_REFUSAL_S = 0.25
"""Once a connection, which lasts: enough for a round trip across a continent."""


class DatagramConnection:
    """A message a datagram: RFC 5426.

    Args:
        host, port: of the receiver.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None

    def send(self, frame: bytes) -> None:
        """Send a message. On a connected socket a receiver that is not there is told by the next call.

        Raises:
            OSError: there is no such host, nobody listens, or the message is too long.
        """
        if self._socket is None:
            self._socket = _datagram_socket(self._host, self._port)
        self._socket.send(frame)

    def close(self) -> None:
        """Close the socket; the next message looks the host up again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class StreamConnection:
    """Messages in a stream, each behind its length: RFC 6587 section 3.4.1, and RFC 5425 where it is encrypted.

    Args:
        host, port: of the receiver.
        deadline_s: for connecting, and for each message, seconds.
        tls: None = not encrypted. A connection is replaced when one of the files was.
    """

    def __init__(self, host: str, port: int, deadline_s: float, tls: TlsFiles | None) -> None:
        self._host = host
        self._port = port
        self._deadline_s = deadline_s
        self._tls = tls
        self._mark: tuple[object, ...] = ()
        self._socket: socket.socket | None = None

    def send(self, frame: bytes) -> None:
        """Send a message.

        Raises:
            OSError: no connection, a certificate that is not trusted, or not taken within the deadline.
            TargetRefused: a file of the TLS settings cannot be used.
        """
        if self._socket is not None and (self._has_ended(self._socket) or self._was_replaced()):
            self.close()
        if self._socket is None:
            self._socket = self._connect()
        self._socket.sendall(b"%d %s" % (len(frame), frame))

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            with suppress(OSError):
                # What was sent shall arrive: closing alone drops it where the receiver has said something.
                self._socket.shutdown(socket.SHUT_WR)
            self._socket.close()
            self._socket = None

    def _was_replaced(self) -> bool:
        return self._tls is not None and self._tls.mark() != self._mark

    def _connect(self) -> socket.socket:
        context = None
        if self._tls is not None:
            self._mark = self._tls.mark()
            context = self._tls.context()
        plain = socket.create_connection((self._host, self._port), self._deadline_s)
        if context is None:
            return plain
        try:
            encrypted = context.wrap_socket(plain, server_hostname=self._host)
        except OSError:
            plain.close()
            raise
        try:
            _await_refusal(encrypted)
        except OSError:
            encrypted.close()
            raise
        return encrypted

    @staticmethod
    def _has_ended(connection: socket.socket) -> bool:
        """Return whether the receiver has closed the connection. It says nothing else: a syslog receiver only reads."""
        deadline_s = connection.gettimeout()
        connection.settimeout(0)
        try:
            while connection.recv(4096):
                pass
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        finally:
            connection.settimeout(deadline_s)
        return True


def _await_refusal(encrypted: ssl.SSLSocket) -> None:
    """Give a receiver the time to refuse the client's certificate. TLS 1.3 does so after the client's handshake,
    and what was sent by then would be lost without a word.

    Raises:
        OSError: it has refused, or closed the connection.
    """
    deadline_s = encrypted.gettimeout()
    encrypted.settimeout(_REFUSAL_S)
    try:
        if not encrypted.recv(1):
            raise ConnectionResetError("the receiver has closed the connection")
    except TimeoutError:
        pass
    finally:
        encrypted.settimeout(deadline_s)


def _datagram_socket(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    opened = socket.socket(family, kind, protocol)
    try:
        opened.connect(address)
    except OSError:
        opened.close()
        raise
    return opened
