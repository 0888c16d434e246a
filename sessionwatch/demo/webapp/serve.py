"""Serves one app with gunicorn: `python -m sessionwatch.demo.webapp.serve FILE DESCRIPTOR`.

Ends when its standard input does, so that nothing of the demo outlives it, whatever ends it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from sessionwatch_emitter import RevocationList, RevocationReceiver, SessionEmitter, SessionWatchMiddleware

from sessionwatch.demo.standard_input import at_end_of_input
from sessionwatch.demo.webapp.accounts import Accounts, Session
from sessionwatch.demo.webapp.order import RECEIVER_PATH, AppOrder
from sessionwatch.demo.webapp.site import COOKIE, Site

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

WORKERS = 2
THREADS = 4
KEEP_ALIVE_S = 30
"""Longer than any visitor's pause, so that no connection is closed under a request."""


def make_app(order: AppOrder) -> WSGIApplication:
    """Return the app of one worker process: the receiver for revocations, and the guarded site."""
    revocations = RevocationList(order.revocations)
    emitter = SessionEmitter(
        order.name,
        secret_file=order.secret_file,
        bootstrap_servers=order.bootstrap_servers,
        revocations=revocations,
    )
    emitter.start()
    accounts = Accounts(Path(order.accounts))

    def session_of(environ: WSGIEnvironment) -> Session | None:
        cookie = environ["sessionwatch"].session
        return accounts.session(cookie) if cookie else None

    def user_of(environ: WSGIEnvironment) -> str | None:
        session = session_of(environ)
        return session.user if session else None

    def started_of(environ: WSGIEnvironment) -> float | None:
        session = session_of(environ)
        return session.began_s if session else None

    site = SessionWatchMiddleware(
        Site(accounts, emitter, ends_sessions=order.ends_sessions),
        emitter,
        session_cookie=COOKIE,
        user_of=user_of,
        started_of=started_of,
    )
    secrets = Path(order.webhook_secret_file).read_text(encoding="utf-8").split()
    receiver = RevocationReceiver(revocations, emitter, secrets=secrets)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == RECEIVER_PATH:
            return receiver.wsgi(environ, start_response)
        return site(environ, start_response)

    return app


class AppServer(BaseApplication):  # type: ignore[misc]
    """gunicorn with an app of ours, several processes, and no settings from outside.

    Args:
        order: the app.
        descriptor: of the listening socket, which the demo has opened.
    """

    def __init__(self, order: AppOrder, descriptor: int) -> None:
        self._order = order
        self._descriptor = descriptor
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        settings = {
            "bind": f"fd://{self._descriptor}",
            "workers": WORKERS,
            "threads": THREADS,
            "worker_class": "gthread",
            "keepalive": KEEP_ALIVE_S,
            "graceful_timeout": 1,
            "timeout": 30,
            "loglevel": "warning",
            "worker_tmp_dir": self._order.scratch,
            "control_socket_disable": True,
            "post_fork": _end_with_standard_input,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApplication:
        """Make the app, once a worker process."""
        return make_app(self._order)


def _end_with_standard_input(_server: object, _worker: object) -> None:
    """Watch from each worker: in the process above, a thread would have to live through its forks."""
    parent = os.getppid()

    def end() -> None:
        if os.getppid() == parent:
            os.kill(parent, signal.SIGTERM)

    at_end_of_input(end)


def main() -> None:
    """Serve until told to stop."""
    order = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=AppOrder)
    AppServer(order, int(sys.argv[2])).run()


if __name__ == "__main__":
    main()
