"""The demo's web app, which also notes when revocations arrive: `python -m bench.lockout.app FILE DESCRIPTOR`.

One JSON object a line goes to standard output: the id of the webhook, and when its request was there.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sessionwatch.demo.webapp.order import RECEIVER_PATH, AppOrder
from sessionwatch.demo.webapp.serve import AppServer

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class NotingServer(AppServer):
    """Serves the same app."""

    def load(self) -> WSGIApplication:
        """Make the app, once a worker process."""
        app: WSGIApplication = super().load()

        def noting(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if environ["PATH_INFO"] == RECEIVER_PATH:
                arrived = {"message": environ.get("HTTP_WEBHOOK_ID"), "at_us": time.time_ns() // 1_000}
                # One write, so that the lines of two workers do not mix.
                os.write(sys.stdout.fileno(), json.dumps(arrived).encode() + b"\n")
            return app(environ, start_response)

        return noting


def main() -> None:
    """Serve until told to stop."""
    order = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=AppOrder)
    NotingServer(order, int(sys.argv[2])).run()


if __name__ == "__main__":
    main()
