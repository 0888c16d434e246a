from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from response.outcome import DELIVERED, Outcome
from response.targets.token_revocation import TokenRevocationTarget
from schemas.instant import SECOND
from store.rows import OutboxMessage
from tests.response.targets.asked import SESSION, asked
from tests.response.targets.provider import Asked, Provider, Says

SECRET = "a secret: with signs"
TOKENS = [{"token": "rt-1", "token_type_hint": "refresh_token"}, {"token": "at-1"}]


class Server(Provider):
    """An authorization server with the answers of RFC 7009 section 2.2."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = {"rt-1", "at-1", "of another"}
        self.on("POST", "/revoke", self._revoke)

    def _revoke(self, request: Asked) -> Says:
        basic = base64.b64encode(b"app%2F1:a+secret%3A+with+signs").decode()
        if request.headers.get("authorization") != f"Basic {basic}":
            return Says(401, {"error": "invalid_client"})
        if request.form.get("token_type_hint") not in (None, "refresh_token", "access_token"):
            return Says(400, {"error": "unsupported_token_type"})
        self.tokens.discard(request.form["token"])
        return Says(200)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def lookup(folder: Path, *lines: object, code: int = 0) -> Path:
    """A program that prints these lines, and leaves what it has read beside itself."""
    path = folder / "tokens-of"
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    path.write_text(f"#!/bin/sh\ncat > $0.read\ncat <<'END'\n{text}END\nexit {code}\n")
    path.chmod(0o755)
    return path


def deliver(
    server: Server,
    program: Path,
    message: OutboxMessage | None = None,
    *,
    secret: str = SECRET,
    deadline_s: float = 10.0,
) -> Outcome:
    target = TokenRevocationTarget(
        "as", "bank", f"{server.url}/revoke", client_id="app/1", secret=secret, lookup=[str(program)],
        allow_private=True, deadline_s=deadline_s,
    )  # fmt: skip
    with closing(target):
        return target.deliver(message or asked())


def test_the_tokens_of_the_session_are_revoked(server: Server, tmp_path: Path) -> None:
    assert deliver(server, lookup(tmp_path, *TOKENS)) == DELIVERED
    assert server.tokens == {"of another"}
    assert [one.form for one in server.asked] == TOKENS


def test_the_look_up_reads_which_session(server: Server, tmp_path: Path) -> None:
    deliver(server, lookup(tmp_path, *TOKENS))
    read = json.loads((tmp_path / "tokens-of.read").read_text())
    assert (read["data"]["session_id"], read["data"]["scope"]) == (SESSION, "session")


def test_a_token_that_is_not_known_any_more_is_revoked(server: Server, tmp_path: Path) -> None:
    program = lookup(tmp_path, *TOKENS)
    assert [deliver(server, program) for _ in range(2)] == [DELIVERED, DELIVERED]


def test_a_session_without_tokens_is_refused(server: Server, tmp_path: Path) -> None:
    assert deliver(server, lookup(tmp_path)) == Outcome("refused", "the look-up knows no token of the session")


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (1, Outcome("retry", "look-up: the program ended with 1")),
        (65, Outcome("refused", "look-up: the program ended with 65: it cannot be done")),
    ],
)
def test_what_the_look_ups_end_means(server: Server, tmp_path: Path, code: int, outcome: Outcome) -> None:
    assert deliver(server, lookup(tmp_path, *TOKENS, code=code)) == outcome
    assert server.asked == []


@pytest.mark.parametrize("line", ["rt-secret", '"rt-secret"', '{"tokens": "rt-secret"}', '{"token": "rt-secret"'])
def test_something_else_than_tokens_is_told_without_being_shown(server: Server, tmp_path: Path, line: str) -> None:
    outcome = deliver(server, lookup(tmp_path, TOKENS[0], line))
    assert outcome == Outcome("retry", "the look-up printed something else than tokens")
    assert server.asked == []


def test_busy_means_later(server: Server, tmp_path: Path) -> None:
    server.first = [Says(503, None, {"Retry-After": "30"})]
    program = lookup(tmp_path, *TOKENS)
    assert deliver(server, program) == Outcome("retry", "answered 503", 30 * SECOND)
    assert deliver(server, program) == DELIVERED
    assert server.tokens == {"of another"}


def test_a_type_that_the_server_does_not_revoke_is_refused(server: Server, tmp_path: Path) -> None:
    program = lookup(tmp_path, {"token": "rt-1", "token_type_hint": "device_secret"})
    assert deliver(server, program) == Outcome("refused", "answered 400")


def test_a_client_that_is_refused_is_told(server: Server, tmp_path: Path) -> None:
    outcome = deliver(server, lookup(tmp_path, *TOKENS), secret="old")
    assert outcome == Outcome("retry", "answered 401: see whether the credentials and their rights are still good")


def test_a_look_up_that_does_not_end_is_a_try_that_failed(server: Server, tmp_path: Path) -> None:
    program = lookup(tmp_path)
    program.write_text("#!/bin/sh\nsleep 60\n")
    outcome = deliver(server, program, deadline_s=0.3)
    assert outcome == Outcome("retry", "look-up: the program did not end within 0.3 s")


def test_what_a_look_up_leaves_behind_does_not_hold_the_lane(server: Server, tmp_path: Path) -> None:
    program = lookup(tmp_path)
    program.write_text("#!/bin/sh\nsetsid sleep 5 &\nexit 0\n")
    outcome = deliver(server, program, deadline_s=0.5)
    assert outcome == Outcome("retry", "look-up: the program did not end within 0.5 s")


def test_a_user_is_not_looked_up_unless_the_configuration_says_so(server: Server, tmp_path: Path) -> None:
    outcome = deliver(server, lookup(tmp_path, *TOKENS), asked("user"))
    assert outcome == Outcome("refused", "this target cannot be told session.revoked of a user")
