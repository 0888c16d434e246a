"""Tokens: never kept, compared in constant time, and those of a browser end by themselves."""

from __future__ import annotations

import hmac
import stat
from pathlib import Path

import pytest

from schemas.instant import HOUR, SECOND
from sessionwatch.api.principal import Principal
from sessionwatch.api.tokens import Tokens, load_tokens
from sessionwatch.config.api import ApiSettings
from sessionwatch.errors import ConfigurationError
from tests.api.installation import Ask, Installation

NOON_US = 1_760_000_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now_us = NOON_US

    def __call__(self) -> int:
        return self.now_us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    tokens = Tokens(clock)
    for name in ("first", "second", "third"):
        tokens.add(f"token-of-the-{name}", Principal(name, "viewer"))
    return tokens


def test_a_token_tells_its_holder(tokens: Tokens) -> None:
    holder = tokens.find("token-of-the-second")
    assert holder is not None
    assert holder.name == "second"
    assert tokens.find("token-of-the-fourth") is None


@pytest.mark.parametrize("token", ["token-of-the-first", "token-of-the-third", "no token at all"])
def test_every_token_is_compared_whichever_fits(tokens: Tokens, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared, really = [], hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return really(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    tokens.find(token)
    assert compared == [(32, 32)] * 3


def test_no_token_is_kept(tokens: Tokens) -> None:
    assert "token-of-the-first" not in repr(vars(tokens))


def test_a_code_signs_in_once(tokens: Tokens) -> None:
    code = tokens.sign_in_code("demo", "analyst")
    signed_in = tokens.sign_in(code)
    assert signed_in is not None
    token, principal = signed_in
    assert (principal.name, principal.role, tokens.find(token)) == ("demo", "analyst", principal)
    assert tokens.sign_in(code) is None


def test_a_code_lives_for_a_minute(tokens: Tokens, clock: Clock) -> None:
    code = tokens.sign_in_code("demo", "analyst")
    clock.now_us += 60 * SECOND
    assert tokens.sign_in(code) is None


def test_a_code_is_no_token_and_a_token_no_code(tokens: Tokens) -> None:
    code = tokens.sign_in_code("demo", "analyst")
    assert tokens.find(code) is None
    assert tokens.sign_in("token-of-the-first") is None


def test_a_browsers_token_lives_for_twelve_hours(tokens: Tokens, clock: Clock) -> None:
    signed_in = tokens.sign_in(tokens.sign_in_code("demo", "analyst"))
    assert signed_in is not None
    clock.now_us += 12 * HOUR - 1
    assert tokens.find(signed_in[0]) is not None
    clock.now_us += 1
    assert tokens.find(signed_in[0]) is None


def test_signing_out_ends_a_browsers_token_alone(tokens: Tokens) -> None:
    signed_in = tokens.sign_in(tokens.sign_in_code("demo", "analyst"))
    assert signed_in is not None
    tokens.sign_out(signed_in[0])
    tokens.sign_out("token-of-the-first")
    assert tokens.find(signed_in[0]) is None
    assert tokens.find("token-of-the-first") is not None


def test_the_first_start_makes_an_admin_token_that_only_its_owner_reads(tmp_path: Path, clock: Clock) -> None:
    tokens = load_tokens(ApiSettings(), tmp_path / "x.duckdb", clock)
    file = tmp_path / "admin.token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    holder = tokens.find(file.read_text().strip())
    assert holder == Principal("admin", "admin")


def test_later_starts_keep_it(tmp_path: Path, clock: Clock) -> None:
    load_tokens(ApiSettings(), tmp_path / "x.duckdb", clock)
    file = tmp_path / "admin.token"
    made = file.read_text()
    file.chmod(0o644)
    assert load_tokens(ApiSettings(), tmp_path / "x.duckdb", clock).find(made.strip()) is not None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_admin_token_that_is_none_is_told_without_showing_it(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "admin.token").write_text("hunter2")
    with pytest.raises(ConfigurationError, match="20 to 512") as caught:
        load_tokens(ApiSettings(), tmp_path / "x.duckdb", clock)
    assert "hunter2" not in str(caught.value)


def test_a_code_signs_in_over_http(ask: Ask, installation: Installation) -> None:
    code = installation.running.sign_in_code("demo", "analyst")
    signed_in = ask("POST", "/v1/sign-in", who=None, json={"code": code})
    assert signed_in.status_code == 200
    headers = {"authorization": f"Bearer {signed_in.json()['token']}"}
    me = ask("GET", "/v1/me", who=None, headers=headers).json()
    assert (me["name"], me["role"]) == ("demo", "analyst")
    assert ask("POST", "/v1/sign-in", who=None, json={"code": code}).status_code == 401
    assert ask("POST", "/v1/sign-out", who=None, headers=headers).status_code == 204
    assert ask("GET", "/v1/me", who=None, headers=headers).status_code == 401


def test_a_limited_token_says_what_it_is_limited_to(ask: Ask) -> None:
    assert ask("GET", "/v1/me", who="limited").json() == {
        "name": "limited-person",
        "role": "engineer",
        "apps": ["shop"],
        "expires": None,
    }
