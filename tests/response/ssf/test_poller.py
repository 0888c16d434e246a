"""Polling a provider, RFC 8936: what was taken is acknowledged, what is bad refused, and the rest comes again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from response.http import HttpClient, HttpFailed
from response.ssf.poller import Poller
from response.ssf.verify import SetRefused
from schemas.instant import SECOND
from tests.response.given import eventually


class Provider:
    """A provider's poll endpoint: a token comes again until it is acknowledged or refused."""

    def __init__(self) -> None:
        self.sets: dict[str, str] = {}
        self.asked: list[dict[str, object]] = []
        self.authorization: list[str | None] = []
        self.refused: dict[str, object] = {}
        self.answer: tuple[int, bytes] | None = None
        self.wanted: str | None = None

    def reply(self, body: dict[str, object]) -> tuple[int, bytes]:
        self.asked.append(body)
        for jti in [*body["ack"], *body["setErrs"]]:  # type: ignore[misc]
            self.sets.pop(jti, None)
        self.refused.update(body["setErrs"])  # type: ignore[call-overload]
        if self.answer is not None:
            return self.answer
        return 200, json.dumps({"sets": self.sets, "moreAvailable": False}).encode()


@pytest.fixture
def provider() -> Iterator[Provider]:
    one = Provider()

    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            told = self.headers["authorization"]
            one.authorization.append(told)
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, content = one.reply(asked) if one.wanted in (None, told) else (401, b"")
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    one.url = f"http://127.0.0.1:{server.server_address[1]}/poll"  # type: ignore[attr-defined]
    yield one
    server.shutdown()
    server.server_close()


@pytest.fixture
def poller(provider: Provider) -> Iterator[Callable[..., Poller]]:
    client = HttpClient(allow_private=True, deadline_s=5)

    def make(take: Callable[[bytes], str], *tokens: str) -> Poller:
        left = list(tokens or ["their-token"])
        token = lambda: left.pop(0) if len(left) > 1 else left[0]  # noqa: E731
        return Poller("idp", provider.url, token, take, client, interval_us=SECOND // 100)  # type: ignore[attr-defined]

    with closing(client):
        yield make


def named(token: bytes) -> str:
    """Takes every token: its jti is its text."""
    return token.decode()


def test_what_was_taken_is_acknowledged_with_the_next_poll(provider: Provider, poller: Callable[..., Poller]) -> None:
    provider.sets = {"a": "a", "b": "b"}
    one = poller(named)
    assert one.poll() is True
    assert one.poll() is False
    assert provider.asked[0] == {"maxEvents": 20, "returnImmediately": True, "ack": [], "setErrs": {}}
    assert provider.asked[1]["ack"] == ["a", "b"]
    assert provider.authorization == ["Bearer their-token"] * 2
    assert provider.sets == {}


def test_what_is_bad_is_refused_with_the_code_of_the_standard(
    provider: Provider, poller: Callable[..., Poller]
) -> None:
    def take(_token: bytes) -> str:
        raise SetRefused("invalid_issuer", "the token is of another issuer")

    provider.sets = {"a": "a"}
    one = poller(take)
    one.poll()
    one.poll()
    assert provider.refused == {"a": {"err": "invalid_issuer", "description": "the token is of another issuer"}}


def test_a_token_under_a_wrong_name_is_refused(provider: Provider, poller: Callable[..., Poller]) -> None:
    provider.sets = {"a": "b"}
    one = poller(named)
    one.poll()
    one.poll()
    assert provider.refused["a"] == {"err": "invalid_request", "description": "the jti is not that of the token"}


def test_what_could_not_be_committed_comes_again(provider: Provider, poller: Callable[..., Poller]) -> None:
    failures = [RuntimeError("not committed")]

    def take(token: bytes) -> str:
        if failures:
            raise failures.pop()
        return named(token)

    provider.sets = {"a": "a"}
    one = poller(take)
    assert one.poll() is False
    assert one.poll() is True
    assert one.poll() is False
    assert [asked["ack"] for asked in provider.asked] == [[], [], ["a"]]


@pytest.mark.parametrize(
    "answer", [(401, b""), (500, b""), (200, b"<html>"), (200, b'{"sets": []}'), (200, b"x" * 70_000)]
)
def test_an_answer_that_is_none_is_a_failure(
    provider: Provider, poller: Callable[..., Poller], answer: tuple[int, bytes]
) -> None:
    provider.answer = answer
    with pytest.raises(HttpFailed):
        poller(named).poll()


def test_a_token_that_has_expired_is_read_anew(provider: Provider, poller: Callable[..., Poller]) -> None:
    provider.sets, provider.wanted = {"a": "a"}, "Bearer young-token"
    assert poller(named, "old-token", "young-token").poll() is True
    assert provider.authorization == ["Bearer old-token", "Bearer young-token"]


def test_a_token_that_stays_the_same_is_tried_once(provider: Provider, poller: Callable[..., Poller]) -> None:
    provider.wanted = "Bearer another"
    with pytest.raises(HttpFailed, match="answered 401"):
        poller(named).poll()
    assert len(provider.authorization) == 1


def test_an_acknowledgement_that_did_not_arrive_is_sent_again(
    provider: Provider, poller: Callable[..., Poller]
) -> None:
    provider.sets = {"a": "a"}
    one = poller(named)
    one.poll()
    provider.answer = (503, b"")
    with pytest.raises(HttpFailed):
        one.poll()
    provider.answer = None
    one.poll()
    assert provider.asked[2]["ack"] == ["a"]


def test_the_thread_goes_on_polling_after_failures(provider: Provider, poller: Callable[..., Poller]) -> None:
    provider.answer = (500, b"")
    one = poller(named)
    one.start()
    eventually(lambda: provider.asked)
    provider.answer, provider.sets = None, {"a": "a"}
    eventually(lambda: not provider.sets)
    one.stop()
