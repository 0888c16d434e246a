"""Syslog receivers on loopback that keep what they are sent, made of sockets; and real rsyslog, where it is."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

from tests.response.given import eventually

RFC5424 = re.compile(rb"<(\d{1,3})>1 (\S+) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) (-|\[.*?\]) (.*)", re.DOTALL)
"""PRI, VERSION, TIMESTAMP, HOSTNAME, APP-NAME, PROCID, MSGID, STRUCTURED-DATA, MSG: section 6."""


class UdpReceiver:
    """A receiver of datagrams."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(5)
        self.port = int(self._socket.getsockname()[1])

    def __enter__(self) -> UdpReceiver:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def take(self) -> bytes:
        """The next datagram."""
        return self._socket.recv(65_535)


class StreamReceiver:
    """A receiver that takes streams apart by octet counting.

    Args:
        tls: it speaks TLS.
        port: to listen on; 0 = a free one.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.frames: list[bytes] = []
        self.connections: list[socket.socket] = []
        self.clients: list[object] = []
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listening.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> StreamReceiver:
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone does not wake a thread that waits in `accept`.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(5)

    def hang_up(self) -> None:
        """Close every connection."""
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self.connections.clear()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self.clients.append(connection.getpeercert())  # type: ignore[attr-defined]
            self.connections.append(connection)
            with connection.makefile("rb") as stream:
                while length := self._length(stream):
                    self.frames.append(stream.read(length))
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    @staticmethod
    def _length(stream: object) -> int:
        digits = b""
        while (char := stream.read(1)) != b" ":  # type: ignore[attr-defined]
            if not char.isdigit():
                assert char == b"", "no octet count"
                return 0
            digits += char
        return int(digits)


class Rsyslog:
    """Real rsyslog on loopback, which writes the message part of what it takes into a file.

    Args:
        folder: for its configuration, its state and what it writes.
        certificate, key: of its TLS input.
    """

    def __init__(self, folder: Path, certificate: Path, key: Path) -> None:
        self._folder = folder
        self._certificate = certificate
        self._key = key
        self.udp, self.tcp, self.tls = _free(socket.SOCK_DGRAM), _free(), _free()

    @staticmethod
    def missing() -> str:
        """Why it cannot run here; empty where it can."""
        if shutil.which("rsyslogd") is None:
            return "rsyslog is not installed (apt-get install rsyslog rsyslog-openssl)"
        if not list(Path("/usr/lib").glob("**/rsyslog/lmnsd_ossl.so")):
            return "rsyslog speaks no TLS here (apt-get install rsyslog-openssl)"
        return ""

    @staticmethod
    def version() -> str:
        """Its version, as it says it itself."""
        said = subprocess.run(["rsyslogd", "-v"], capture_output=True, text=True, check=True).stdout
        return said.split()[1]

    def __enter__(self) -> Rsyslog:
        configuration = self._folder / "rsyslog.conf"
        configuration.write_text(
            f"""
global(workDirectory="{self._folder}"
       defaultNetstreamDriverCAFile="{self._certificate}"
       defaultNetstreamDriverCertFile="{self._certificate}"
       defaultNetstreamDriverKeyFile="{self._key}")
module(load="imudp")
module(load="imptcp")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
input(type="imudp" address="127.0.0.1" port="{self.udp}")
input(type="imptcp" address="127.0.0.1" port="{self.tcp}")
input(type="imtcp" address="127.0.0.1" port="{self.tls}")
template(name="whole" type="string"
         string="%syslogfacility-text% %syslogseverity-text% %programname% %msgid% %msg%\\n")
*.* action(type="omfile" file="{self.output}" template="whole")
"""
        )
        self._process = subprocess.Popen(
            ["rsyslogd", "-n", "-f", str(configuration), "-i", str(self._folder / "rsyslog.pid")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(lambda: _listens(self.tcp) and _listens(self.tls), 15)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    @property
    def output(self) -> Path:
        """What it has written."""
        return self._folder / "received.log"

    def lines(self) -> list[str]:
        """The lines it has written about alerts."""
        if not self.output.exists():
            return []
        return [line for line in self.output.read_text().splitlines() if " sessionwatch " in line]


def _free(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
