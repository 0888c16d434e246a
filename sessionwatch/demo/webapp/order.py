"""What a process that serves an app is told."""

from __future__ import annotations

import msgspec

RECEIVER_PATH = "/session-revocations"


class AppOrder(msgspec.Struct, frozen=True):
    """What one app is made of.

    Attributes:
        name: of the app.
        ends_sessions: see `Site`.
        bootstrap_servers: of the broker.
        accounts: the file of users and sessions.
        revocations: the file of the revocation list.
        secret_file: the app's secret, from which its emitter derives its keys.
        webhook_secret_file: verifies revocations.
        scratch: a folder for gunicorn's own files.
    """

    name: str
    ends_sessions: bool
    bootstrap_servers: str
    accounts: str
    revocations: str
    secret_file: str
    webhook_secret_file: str
    scratch: str
