"""A real pipeline on a development broker, over a store with two apps' history, asked by real HTTP."""

from __future__ import annotations

import json
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sessionwatch_emitter.transport import Transport

from schemas.instant import to_rfc3339
from sessionwatch.assembly import Running, build
from sessionwatch.config import Settings, load
from store.database import Database
from tests.api.history import write_history
from tests.response.receivers import SECRET, Receiver

CONFIGURATION = """
[kafka]
bootstrap_servers = ["{servers}"]
events_topic = "events-{name}"
dead_letter_topic = "refused-{name}"
group = "{name}"

[store]
path = "data/sessionwatch.duckdb"

[api]
listen = "127.0.0.1:0"
public_url = "http://127.0.0.1"
requests_per_minute = 100000
{tokens}

[links]
without_sign_in = ["acknowledge"]

[apps.bank]
idle_timeout = "15m"
absolute_timeout = "12h"

[apps.shop]
realm = "bank"

[response]
dry_run = false

[[response.targets]]
name = "bank"
kind = "webhook"
app = "bank"
url = "{url}"
secret_file = "bank.whsec"
allow_private = true
"""
ROLES = ("viewer", "analyst", "engineer")
LIMITED = "limited"
"""An engineer who is limited to the app `shop`."""


@dataclass
class Installation:
    """A running pipeline, and what tests need of it."""

    running: Running
    settings: Settings
    folder: Path
    tokens: dict[str, str]
    receiver: Receiver
    now_us: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.running.api_port}"

    def client(self, who: str | None = "admin") -> httpx.Client:
        headers = {} if who is None else {"authorization": f"Bearer {self.tokens[who]}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)


Ask = Callable[..., httpx.Response]


def write_configuration(folder: Path, servers: str, url: str) -> Path:
    """A configuration with a token for each role."""
    tokens = []
    for name in (*ROLES, LIMITED):
        file = folder / f"{name}.token"
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32))
        role = "engineer" if name == LIMITED else name
        apps = 'apps = ["shop"]\n' if name == LIMITED else ""
        tokens.append(f'[[api.tokens]]\nname = "{name}-person"\nrole = "{role}"\ntoken_file = "{name}.token"\n{apps}')
    secret = folder / "bank.whsec"
    secret.touch(mode=0o600)
    secret.write_text(SECRET)
    file = folder / "sessionwatch.toml"
    name = secrets.token_hex(4)
    file.write_text(CONFIGURATION.format(servers=servers, name=name, tokens="\n".join(tokens), url=url))
    return file


@pytest.fixture(scope="session")
def installation(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("installation")
    with Receiver() as receiver:
        settings = load(write_configuration(folder, broker, receiver.url), {})
        now_us = time.time_ns() // 1_000
        with Database.open(settings.store.path) as database:
            write_history(database.writer(), now_us)
        running = build(settings)
        stop = threading.Event()
        loop = threading.Thread(target=running.run, args=(stop,), name="loop")
        loop.start()
        tokens = {name: (folder / f"{name}.token").read_text() for name in (*ROLES, LIMITED)}
        tokens["admin"] = (folder / "data" / "admin.token").read_text().strip()
        yield Installation(running, settings, folder, tokens, receiver, now_us)
        stop.set()
        running.wake()
        loop.join(10)
        running.close()


@pytest.fixture
def ask(installation: Installation) -> Iterator[Ask]:
    """Ask the API: `ask("GET", "/v1/me", who="viewer")`."""
    with installation.client(None) as client:

        def asking(method: str, path: str, who: str | None = "admin", **more: object) -> httpx.Response:
            headers = dict(more.pop("headers", {}))  # type: ignore[call-overload]
            if who is not None:
                headers["authorization"] = f"Bearer {installation.tokens[who]}"
            return client.request(method, path, headers=headers, **more)  # type: ignore[arg-type]

        yield asking


def emit_use(installation: Installation, session_id: str, user_id: str = "frank", ip: str | None = None) -> str:
    """Have a session used, through Kafka, and return its id once the use is stored."""
    event = {
        "schema_version": 1,
        "event_id": str(uuid.uuid4()),
        "event_time": to_rfc3339(time.time_ns() // 1_000),
        "type": "create",
        "app": "bank",
        "session_id": session_id,
        "user_id": user_id,
        "ip": ip,
    }
    send(installation, json.dumps(event).encode())
    reader = installation.running.reader()
    wait(lambda: reader.last_use("bank", session_id, 0) is not None)
    reader.close()
    return session_id


def send(installation: Installation, value: bytes) -> None:
    """Produce a record to the events topic."""
    transport = Transport(list(installation.settings.kafka.bootstrap_servers), installation.settings.kafka.events_topic)
    transport.send_all([(None, value, ())])
    transport.close()


def wait(true: Callable[[], bool], timeout_s: float = 10) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def client_configuration(installation: Installation) -> Path:
    """The installation's configuration as a command needs it: with the port that was given."""
    text = (installation.folder / "sessionwatch.toml").read_text()
    file = installation.folder / "client.toml"
    file.write_text(text.replace("127.0.0.1:0", f"127.0.0.1:{installation.running.api_port}"))
    return file
