"""A real pipeline that shares signals: a receiver that manages its stream, and a provider that pushes."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from sessionwatch.assembly import build
from sessionwatch.config import load
from tests.api.installation import Installation
from tests.response.receivers import Receiver
from tests.response.ssf.given import AUDIENCE, ISSUER, JWKS


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


PORT = free_port()
BASE = f"http://127.0.0.1:{PORT}"
"""Receivers follow the metadata, so the issuer is where the API really is."""
RECEIVER_TOKEN, OTHER_TOKEN, PUSH_TOKEN = (
    "receiver-0123456789abcdef",
    "other-0123456789abcdef",
    "provider-0123456789abcdef",
)
CONFIGURATION = """
[kafka]
bootstrap_servers = ["{servers}"]
events_topic = "events-{name}"
dead_letter_topic = "refused-{name}"
group = "{name}"

[api]
listen = "127.0.0.1:{port}"

[apps.bank]
realm = "staff"

[response]
dry_run = false

[[response.targets]]
name = "bank-caep"
kind = "ssf"
app = "bank"
receiver = "bank"

[ssf]
issuer = "{base}"
algorithm = "ES256"
allowed_endpoints = ["https://bank.example.com/events"]

[[ssf.receivers]]
name = "bank"
audience = "https://bank.example.com"
token_file = "bank.token"

[[ssf.receivers]]
name = "other"
audience = "https://other.example.com"
token_file = "other.token"

[[ssf.transmitters]]
name = "idp"
issuer = "{issuer}"
audience = "{audience}"
realm = "staff"
jwks_file = "idp.jwks"
push_token_file = "push.token"
"""


@pytest.fixture(scope="module")
def sharing(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("sharing")
    for name, text in (("bank.token", RECEIVER_TOKEN), ("other.token", OTHER_TOKEN), ("push.token", PUSH_TOKEN)):
        (folder / name).write_text(text)
    (folder / "idp.jwks").write_bytes(JWKS)
    file = folder / "sessionwatch.toml"
    file.write_text(
        CONFIGURATION.format(
            servers=broker, name=secrets.token_hex(4), base=BASE, port=PORT, issuer=ISSUER, audience=AUDIENCE
        )
    )  # fmt: skip
    settings = load(file, {})
    running = build(settings)
    stop = threading.Event()
    loop = threading.Thread(target=running.run, args=(stop,), name="loop")
    loop.start()
    tokens = {"admin": (folder / "data" / "admin.token").read_text().strip()}
    with Receiver() as receiver:
        yield Installation(running, settings, folder, tokens, receiver, time.time_ns() // 1_000)
    stop.set()
    running.wake()
    loop.join(10)
    running.close()


def revoke(sharing: Installation, session_id: str) -> str:
    """A person ends a session; returns the revocation's id."""
    with sharing.client() as admin:
        answer = admin.post("/v1/revocations", json={"app": "bank", "subject": session_id, "reason": "stolen laptop"})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["revocation_id"])
