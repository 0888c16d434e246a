"""What is too large, too often, or no request at all: a problem that says so, and never a 5xx."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry

from response.guard import Limits
from response.verdicts import VerdictKey
from schemas.app import Apps
from schemas.drill import DrillKey
from sessionwatch.api.acts import Acts
from sessionwatch.api.app import make_app
from sessionwatch.api.budgets import Budgets
from sessionwatch.api.health import Probes
from sessionwatch.api.installation import Installation as Declared
from sessionwatch.api.principal import Principal
from sessionwatch.api.pulse import Pulse
from sessionwatch.api.rates import Rates
from sessionwatch.api.server import Server
from sessionwatch.api.service import Service
from sessionwatch.api.tokens import Tokens
from sessionwatch.api.visits import Visits
from sessionwatch.config import Settings
from store.audit_key import AuditKey
from tests.api.history import THEFT
from tests.api.installation import Ask, Installation

TOKEN = "a-token-of-the-test-alone"


def test_every_error_is_a_problem(ask: Ask) -> None:
    for answer in (
        ask("GET", "/v1/me", who=None),
        ask("GET", "/v1/nothing"),
        ask("DELETE", "/v1/alerts"),
        ask("GET", "/v1/alerts?limit=0"),
        ask("GET", "/v1/me", headers={"host": "evil.example"}),
        ask("GET", "/v1/me", headers={"origin": "https://evil.example"}),
    ):
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert (problem["status"], problem["type"]) == (answer.status_code, "about:blank")
        assert problem["title"]


def test_answers_are_kept_by_nobody(ask: Ask) -> None:
    assert ask("GET", f"/v1/alerts/{THEFT}").headers["cache-control"] == "no-store"


def test_a_large_body_is_refused(ask: Ask) -> None:
    answer = ask("PATCH", f"/v1/alerts/{THEFT}", content=b" " * 20_000)
    assert answer.status_code == 413


def test_a_body_without_a_length_is_counted(ask: Ask) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 1_000

    assert ask("PATCH", f"/v1/alerts/{THEFT}", content=endless()).status_code == 413


def test_a_long_query_is_refused(ask: Ask) -> None:
    assert ask("GET", "/v1/alerts?q=" + "x" * 9_000).status_code == 414


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"null", b"[" * 5_000, b'{"note": NaN}', b'{"note": "\\ud800"}', b'{"note": "\\u0000"}'],
)
def test_a_body_that_is_no_patch_is_told(ask: Ask, body: bytes) -> None:
    answer = ask(
        "PATCH", "/v1/alerts/00000000-0000-0000-0000-0000000000ff", content=body,
        headers={"content-type": "application/json"},
    )  # fmt: skip
    assert answer.status_code in (400, 404, 422)


def test_what_was_sent_is_not_repeated(ask: Ask) -> None:
    answer = ask("POST", "/v1/sign-in", who=None, json={"code": "secret-code-of-no-use!"})
    assert answer.status_code == 422
    assert "secret-code" not in answer.text


def test_bytes_that_are_no_http_close_the_connection(installation: Installation) -> None:
    with socket.create_connection(("127.0.0.1", installation.running.api_port), timeout=5) as connection:
        connection.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert connection.recv(200).startswith(b"HTTP/1.1 400")


@pytest.fixture
def slow() -> Iterator[httpx.Client]:
    """An API where a token may ask eight times a minute."""

    def clock() -> int:
        return 1_760_000_000_000_000

    tokens = Tokens(clock)
    tokens.add(TOKEN, Principal("test", "viewer"))
    service = Service(
        installation=Declared(Settings(), clock),
        tokens=tokens,
        read=_nothing,  # type: ignore[arg-type]
        acts=Acts(_nothing),  # type: ignore[arg-type]
        beat=Pulse(clock, list).beat,
        redrive=_nothing,  # type: ignore[arg-type]
        drills=DrillKey(bytes(32)),
        verdicts=VerdictKey(bytes(32)),
        audit_key=AuditKey(bytes(32)),
        visits=Visits(lambda _note: None, clock),
        reach=_nothing,  # type: ignore[arg-type]
        budgets=Budgets(Apps(), Limits()),
        open_breakers=dict,
        rates=Rates(8),
        guesses=Rates(8),
    )
    app = make_app(Probes(list, list), CollectorRegistry(), "127.0.0.1", service=service)
    with Server(app, "127.0.0.1", 0) as server, httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
        yield client


def _nothing(*_arguments: object) -> None:
    raise AssertionError("nothing is read here")


def test_who_asks_too_often_waits(slow: httpx.Client) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    answers = [slow.get("/v1/me", headers=headers) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 8


def test_who_guesses_is_slowed_and_locks_nobody_out(slow: httpx.Client) -> None:
    wrong = [slow.get("/v1/me", headers={"authorization": "Bearer wrong"}).status_code for _ in range(4)]
    assert wrong == [401, 401, 429, 429]
    assert slow.get("/v1/me", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    codes = [slow.post("/v1/sign-in", json={"code": "x" * 20}).status_code for _ in range(2)]
    assert codes == [429, 429]


def test_a_bucket_fills_again() -> None:
    seconds = 0.0
    rates = Rates(60, clock=lambda: seconds)
    assert [rates.wait_s("a") for _ in range(16)][-1] == 1
    assert rates.wait_s("b") == 0
    seconds = 1.0
    assert rates.wait_s("a") == 0


def test_problems_of_a_query_name_the_place(ask: Ask) -> None:
    problem = json.loads(ask("GET", "/v1/alerts?limit=0&since=x").text)
    assert sorted(one["where"] for one in problem["errors"]) == ["query.limit", "query.since"]
