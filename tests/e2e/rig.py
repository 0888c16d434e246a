"""A small real bank, its thief, a chat, and a pipeline that watches over it: what the end-to-end tests begin with."""

from __future__ import annotations

import base64
import json
import re
import secrets
import socketserver
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import httpx
from sessionwatch_emitter import RevocationList, RevocationReceiver, SessionEmitter, SessionWatchMiddleware

from ingest.topics import ensure_topic
from sessionwatch.assembly import Running, build
from sessionwatch.config import load
from store.reader import Reader
from tests.response.receivers import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126 Safari/537.36"
BERLIN, NEW_YORK = "192.0.2.10", "198.51.100.9"

CONFIGURATION = """
[kafka]
bootstrap_servers = ["{servers}"]
events_topic = "{topic}"
dead_letter_topic = "{topic}-dlq"
group = "{topic}"
[store]
path = "sessionwatch.duckdb"
[api]
listen = "127.0.0.1:0"
[apps.bank]
signing_key_file = "bank.signing"
clock_skew = "0s"
revoke_grace = "0s"
[[networks]]
cidr = "192.0.2.0/24"
asn = 64500
country = "DE"
[[networks]]
cidr = "198.51.100.0/24"
asn = 64530
country = "US"
[rules.session-hijack]
mode = "enforce"
[rules.session-multi-network]
mode = "enforce"
[response]
dry_run = false
max_share_per_hour = 1.0
[[response.policy]]
match = {{ rule = ["session-multi-network"], severity = ["high"] }}
do = ["notify", "revoke_session"]
[[response.targets]]
name = "bank"
kind = "webhook"
app = "bank"
url = "{bank}/session-revocations"
secret_file = "bank.whsec"
allow_private = true
[[siem]]
name = "soc"
to = "file"
path = "alerts.jsonl"
[[chat]]
url = "json://127.0.0.1:{chat}/"
group_within = "0s"
max_per_minute = 600
"""


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


class Bank:
    """A web app with cookie sessions, the emitter's middleware and its receiver, on a loopback port.

    Args:
        folder: for its revocation list.
        servers, topic: where its events go.
        obeys: whether it carries out revocations; without, it answers 200 and forgets them.
    """

    def __init__(self, folder: Path, servers: str, topic: str, *, obeys: bool) -> None:
        self.secret = secrets.token_urlsafe(48)
        self.webhook_secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self.webhooks: list[dict[str, Any]] = []
        self._users: dict[str, str] = {}
        self._revocations = RevocationList(folder / "revocations.sqlite")
        self.emitter = SessionEmitter(
            "bank",
            secret=self.secret,
            bootstrap_servers=servers,
            topic=topic,
            sample_interval=0 if not obeys else 10.0,
            revocations=self._revocations if obeys else None,
        )
        receiver = RevocationReceiver(self._revocations, self.emitter, secrets=[self.webhook_secret])
        self._receive: WSGIApplication = receiver.wsgi if obeys else _answers_200
        self._pages = SessionWatchMiddleware(self._page, self.emitter, user_of=self._user_of)
        self._server = make_server("127.0.0.1", 0, self._answer, _Server, _Quiet)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop serving and send what is left."""
        self._server.shutdown()
        self._server.server_close()
        self.emitter.close(timeout=2)
        self._revocations.close()

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/session-revocations":
            return self._pages(environ, start_response)
        self.webhooks.append({name: environ.get(f"HTTP_WEBHOOK_{name.upper()}") for name in ("id", "signature")})
        return self._receive(environ, start_response)

    def _page(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("/login/"):
            return self._login(environ, start_response)
        known = self._user_of(environ) is not None
        start_response("200 OK" if known else "401 Unauthorized", [("Content-Type", "text/plain")])
        return [b"your account\n" if known else b"please sign in\n"]

    def _login(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        cookie, user = secrets.token_urlsafe(32), environ["PATH_INFO"].removeprefix("/login/")
        self._users[cookie] = user
        environ["sessionwatch"].created(cookie, user=user)
        start_response(
            "200 OK", [("Set-Cookie", f"session={cookie}; Path=/; HttpOnly"), ("Content-Type", "text/plain")]
        )
        return [b"welcome\n"]

    def _user_of(self, environ: WSGIEnvironment) -> str | None:
        return self._users.get(environ["sessionwatch"].session or "")


def _answers_200(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Length", "0")])
    return []


class Browser:
    """Somebody with a browser: an address (told by a proxy on loopback), an agent, and perhaps a cookie."""

    def __init__(self, url: str, ip: str, agent: str, cookie: str = "") -> None:
        headers = {"user-agent": agent, "x-forwarded-for": ip}
        self._client = httpx.Client(base_url=url, headers=headers, cookies={"session": cookie} if cookie else {})

    def login(self, user: str) -> str:
        """Sign in; returns the cookie."""
        self._client.get(f"/login/{user}").raise_for_status()
        return str(self._client.cookies["session"])

    def account(self) -> int:
        """Look at the account; returns the status."""
        return self._client.get("/account").status_code

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


@dataclass
class Scene:
    """Everything that plays together.

    Attributes:
        bank: the app.
        reader: of what the pipeline has committed, for the test's thread.
        chat: what people are told arrives here.
        servers, topic: where the events go.
        api_port: where the pipeline's API is.
    """

    folder: Path
    servers: str
    topic: str
    bank: Bank
    chat: Receiver
    reader: Reader
    api_port: int
    _open: ExitStack

    def user(self, cookie: str = "") -> Browser:
        """A browser at home."""
        return self._browser(Browser(self.bank.url, BERLIN, FIREFOX, cookie))

    def thief(self, cookie: str) -> Browser:
        """Another browser in another country, with a stolen cookie."""
        return self._browser(Browser(self.bank.url, NEW_YORK, CHROME, cookie))

    def told(self) -> list[str]:
        """What the chat was told, title and text."""
        texts = (json.loads(call.body) for call in self.chat.calls)
        return [f"{text['title']}\n{text['message']}" for text in texts]

    def alerts_told(self) -> set[str]:
        """The ids of the alerts that the chat was told of."""
        return {found for text in self.told() for found in re.findall(r"Alert: ([0-9a-f-]{36})", text)}

    def rules(self) -> set[str]:
        """Which rules have raised alerts."""
        return {alert.rule_id for alert in self.reader.alerts()}

    def states(self) -> list[str]:
        """The states of the revocations."""
        return [revocation.state for revocation in self.reader.revocations()]

    def _browser(self, browser: Browser) -> Browser:
        self._open.callback(browser.close)
        return browser


@contextmanager
def scene(
    folder: Path,
    servers: str,
    *,
    obeys: bool = True,
    webhook_secret: str = "",
    signing_key: bytes = b"",
    switched_off: Collection[str] = (),
) -> Iterator[Scene]:
    """Open the bank, start the pipeline, and end both.

    Args:
        folder: for the store, the keys and the configuration.
        servers: the broker.
        obeys: whether the bank carries out revocations.
        webhook_secret, signing_key: what the pipeline holds in place of the bank's own.
        switched_off: rules of the configuration that do not run.
    """
    topic = f"events-{uuid4()}"
    with ExitStack() as parts:
        ensure_topic({"bootstrap_servers": servers}, topic)
        bank = Bank(folder, servers, topic, obeys=obeys)
        parts.callback(bank.close)
        chat = parts.enter_context(Receiver())
        key = base64.b64encode(signing_key or bank.emitter.keys.signing_key).decode()
        (folder / "bank.signing").write_text(f"{bank.emitter.keys.key_id}:{key}\n")
        (folder / "bank.whsec").write_text(webhook_secret or bank.webhook_secret)
        settings = {"servers": servers, "topic": topic, "bank": bank.url, "chat": chat.port}
        configuration = CONFIGURATION.format(**settings)
        for rule in switched_off:
            configuration = configuration.replace(f'[rules.{rule}]\nmode = "enforce"', f'[rules.{rule}]\nmode = "off"')
        (folder / "sessionwatch.toml").write_text(configuration)
        running = parts.enter_context(_pipeline(folder / "sessionwatch.toml"))
        yield Scene(folder, servers, topic, bank, chat, running.reader(), running.api_port, parts)


@contextmanager
def _pipeline(config: Path) -> Iterator[Running]:
    running = build(load(config))
    stop = threading.Event()
    loop = threading.Thread(target=running.run, args=(stop,), name="pipeline")
    loop.start()
    try:
        yield running
    finally:
        stop.set()
        running.wake()
        loop.join()
        running.close()


def eventually(true: Callable[[], object], within_s: float = 10.0) -> None:
    """Fail unless something becomes true within a deadline."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.005)
