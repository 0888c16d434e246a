"""A mail server on loopback that keeps what it is given: as much of RFC 5321 as a client asks for."""

from __future__ import annotations

import socketserver
import threading


class MailBox:
    """Takes mail while it is open.

    Attributes:
        mails: as they came, headers and body.
    """

    def __init__(self) -> None:
        self.mails: list[str] = []
        box = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 here")
                while line := self.rfile.readline():
                    word = line[:4].upper()
                    if word == b"DATA":
                        self._say("354 go on")
                        box.mails.append(self._mail())
                    self._say("221 bye" if word == b"QUIT" else "250 taken")
                    if word == b"QUIT":
                        return

            def _mail(self) -> str:
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line)
                return b"".join(lines).decode()

            def _say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> MailBox:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
