"""A real pipeline with its API, an app that obeys, and the console, for the browser tests and `bench/console.py`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from kafka import KafkaProducer

import dashboard
from ingest.topics import ensure_topic
from schemas.instant import to_rfc3339
from sessionwatch.assembly import Running, build, now_us
from sessionwatch.config import load
from tests.browser.story import NETWORKS

APPS = ("bank", "crm", "shop")
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ANALYST, VIEWER = "analyst-token-of-the-browser-tests", "viewer-token-of-the-browser-tests"
CONFIGURATION = """
[kafka]
bootstrap_servers = ["{servers}"]
events_topic = "{topic}"
dead_letter_topic = "{topic}-dlq"
group = "{topic}"
[store]
path = "sessionwatch.duckdb"
[api]
listen = "127.0.0.1:{port}"
[[api.tokens]]
name = "ines"
role = "analyst"
token_file = "analyst.token"
[[api.tokens]]
name = "vera"
role = "viewer"
token_file = "viewer.token"
[response]
dry_run = false
max_share_per_hour = 1.0
"""
APP = """
[apps.{name}]
idle_timeout = "15m"
absolute_timeout = "12h"
revoke_grace = "0s"
clock_skew = "0s"
[[response.targets]]
name = "{name}"
kind = "webhook"
app = "{name}"
url = "http://127.0.0.1:{port}/session-revocations"
secret_file = "webhook.secret"
allow_private = true
"""
NETWORK = """
[[networks]]
cidr = "{cidr}"
type = "{kind}"
asn = {asn}
country = "{country}"
"""


class ObedientApps:
    """Apps that end a session when they are told to, and say so; then refuse whoever comes with it.

    Args:
        say: produces an event.
    """

    def __init__(self, say: Callable[[dict[str, object]], None]) -> None:
        self.told: list[dict[str, Any]] = []
        self.obey = threading.Event()
        self.obey.set()
        apps = self

        class Request(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(204)
                self.end_headers()
                apps.told.append(body["data"])
                if body["type"] == "session.revoked":
                    threading.Thread(target=apps._end, args=(say, body["data"]), daemon=True).start()

            def log_message(self, format: str, *args: object) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def port(self) -> int:
        """Where they listen on loopback."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _end(self, say: Callable[[dict[str, object]], None], told: dict[str, Any]) -> None:
        self.obey.wait()
        for kind in ("destroy", "fail"):
            say(event(kind, told["app"], told["session_id"], told["user_id"], reason="revoked"))


def event(
    kind: str,
    app: str,
    session: str | None,
    user: str | None,
    *,
    reason: str | None = None,
    ip: str = "198.51.100.9",
    agent: str = "python-requests/2.32.5",
) -> dict[str, object]:
    """An event of this moment, in the wire's format."""
    return {
        "schema_version": 1, "event_id": str(uuid4()), "event_time": to_rfc3339(now_us()), "type": kind, "app": app,
        "session_id": session, "user_id": user, "ip": ip, "user_agent": agent, "reason": reason,
    }  # fmt: skip


@dataclass
class Stage:
    """A pipeline that has read a story, and a console over it.

    Attributes:
        api_url, console_url: where they listen.
        apps: what the revocations reach.
    """

    folder: Path
    servers: str
    topic: str
    apps: ObedientApps
    api_port: int
    console_url: str = ""
    running: Running | None = None
    _producer: KafkaProducer | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _loop: threading.Thread | None = None

    @property
    def api_url(self) -> str:
        """Where the API listens."""
        return f"http://127.0.0.1:{self.api_port}"

    def say(self, *events: dict[str, object]) -> None:
        """Produce events."""
        if self._producer is None:
            self._producer = KafkaProducer(bootstrap_servers=self.servers)
        for one in events:
            key = str(one["user_id"] or one["session_id"] or one["ip"]).encode()
            self._producer.send(self.topic, json.dumps(one).encode(), key=key)
        self._producer.flush()

    def fall_silent(self) -> None:
        """Close the producer."""
        if self._producer is not None:
            self._producer.close()

    def api(self, token: str = ANALYST) -> httpx.Client:
        """A client with a token."""
        return httpx.Client(base_url=self.api_url, headers={"authorization": f"Bearer {token}"}, timeout=20)

    def start_pipeline(self) -> None:
        """Start the pipeline, on the port that it had before."""
        self._stop = threading.Event()
        self.running = build(load(self.folder / "sessionwatch.toml"))
        self._loop = threading.Thread(target=self.running.run, args=(self._stop,), name="pipeline")
        self._loop.start()

    def stop_pipeline(self) -> None:
        """Stop it, its API with it."""
        if self.running is None or self._loop is None:
            return
        self._stop.set()
        self.running.wake()
        self._loop.join()
        self.running.close()
        self.running = None


@contextmanager
def stage(
    folder: Path, servers: str, events: Iterable[dict[str, object]], configure: Callable[[str], str] = str
) -> Iterator[Stage]:
    """Start pipeline and console, let the pipeline read the events, and end it all.

    Args:
        folder: for the store, the tokens and the configuration.
        servers: the broker.
        events: in the wire's format.
        configure: changes the configuration's text.
    """
    with pipeline(folder, servers, events, configure) as set_up, console(set_up.api_url, folder) as address:
        set_up.console_url = address
        yield set_up


@contextmanager
def pipeline(
    folder: Path, servers: str, events: Iterable[dict[str, object]], configure: Callable[[str], str] = str
) -> Iterator[Stage]:
    """Start a pipeline with its API and apps that obey, and let it read the events; arguments as of `stage`."""
    topic = f"events-{uuid4()}"
    with ExitStack() as parts:
        ensure_topic({"bootstrap_servers": servers}, topic)
        set_up = Stage(folder, servers, topic, None, _free_port())  # type: ignore[arg-type]  # the apps need its `say`
        set_up.apps = ObedientApps(set_up.say)
        parts.callback(set_up.fall_silent)
        parts.callback(set_up.apps.close)
        _write_configuration(set_up, configure)
        set_up.start_pipeline()
        parts.callback(set_up.stop_pipeline)
        told = list(events)
        set_up.say(*told)
        assert set_up.running is not None
        reader = set_up.running.reader()
        eventually(lambda: reader.counts()["events"] >= len(told), within_s=60)
        yield set_up


@contextmanager
def console(api_url: str, folder: Path, port: int | None = None) -> Iterator[str]:
    """Start Streamlit over an API; yields its address.

    Args:
        api_url: where the API listens.
        folder: its working directory; what it says goes to `console.log` there.
        port: where it listens; None = a free one.
    """
    port = port or _free_port()
    home = Path(dashboard.__file__).parent
    environment = {
        **os.environ,
        "SESSIONWATCH_API_URL": api_url,
        "PYTHONPATH": os.pathsep.join([str(home.parent), *sys.path]),
    }
    options = ["--server.port", str(port), "--server.address", "127.0.0.1"]
    with (folder / "console.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(home / "app.py"), *options],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        eventually(lambda: _answers(port), within_s=60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def eventually(true: Callable[[], object], within_s: float = 10.0) -> None:
    """Fail unless something becomes true within a deadline."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)


def _write_configuration(set_up: Stage, configure: Callable[[str], str]) -> None:
    settings = {"servers": set_up.servers, "topic": set_up.topic, "port": set_up.api_port}
    parts = [CONFIGURATION.format(**settings)]
    parts += [APP.format(name=name, port=set_up.apps.port) for name in APPS]
    parts += [
        NETWORK.format(cidr=cidr, kind=kind, asn=asn, country=country)
        for cidr, (kind, asn, country) in NETWORKS.items()
    ]
    (set_up.folder / "sessionwatch.toml").write_text(configure("".join(parts)))
    for name, text in (("analyst.token", ANALYST), ("viewer.token", VIEWER), ("webhook.secret", WEBHOOK_SECRET)):
        path = set_up.folder / name
        path.write_text(text)
        path.chmod(0o600)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/_stcore/health", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
