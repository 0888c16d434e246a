"""A provider's public keys are loaded when they are needed, and no more often than that."""

from __future__ import annotations

import json

import pytest

from response.http import HttpFailed
from response.ssf.jwks import KeySet, parse_key_set
from schemas.instant import MINUTE, SECOND
from tests.response.ssf.given import JWKS, NOW, curve_jwk, rsa_jwk


class Provider:
    """Publishes keys, and counts how often it is asked."""

    def __init__(self) -> None:
        self.keys, self.asked, self.now_us = JWKS, 0, NOW

    def load(self) -> bytes:
        self.asked += 1
        if not self.keys:
            raise HttpFailed("no whole answer within 15 s")
        return self.keys

    def clock(self) -> int:
        return self.now_us

    def set(self) -> KeySet:
        return KeySet(self.load, "idp", clock=self.clock)


def test_keys_are_fetched_once_and_found_by_their_id() -> None:
    provider = Provider()
    keys = provider.set()
    assert (keys.find("r1") is not None, keys.find("e1") is not None, provider.asked) == (True, True, 1)


def test_a_new_key_is_fetched_when_it_is_first_met() -> None:
    provider = Provider()
    keys = provider.set()
    keys.find("r1")
    provider.keys = json.dumps({"keys": [rsa_jwk("r2")]}).encode()
    provider.now_us += MINUTE
    assert keys.find("r2") is not None


def test_invented_ids_do_not_make_us_ask_the_provider_again_and_again() -> None:
    provider = Provider()
    keys = provider.set()
    for number in range(100):
        assert keys.find(f"invented-{number}") is None
    assert provider.asked == 1


def test_a_withdrawn_key_is_refused_after_ten_minutes() -> None:
    provider = Provider()
    keys = provider.set()
    keys.find("r1")
    provider.keys = json.dumps({"keys": [curve_jwk()]}).encode()
    provider.now_us += 10 * MINUTE
    assert keys.find("r1") is None


def test_an_outage_of_the_provider_leaves_the_known_keys_for_a_while() -> None:
    provider = Provider()
    keys = provider.set()
    keys.find("r1")
    provider.keys = b""
    provider.now_us += 11 * MINUTE
    assert keys.find("r1") is not None
    provider.now_us += 10 * MINUTE
    assert keys.find("r1") is None
    provider.keys = JWKS
    provider.now_us += 30 * SECOND
    assert keys.find("r1") is not None


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "AA"}]}', b"\xff"]
)
def test_what_is_no_key_set_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="JWK set"):
        parse_key_set(content)


@pytest.mark.parametrize("jwk", [{"n": "!"}, {"e": "AQAB", "n": ""}, {"n": None}, {"alg": "PS256"}, {"kid": 7}])
def test_a_key_that_cannot_be_used_is_left_out(jwk: dict[str, object]) -> None:
    content = json.dumps({"keys": [rsa_jwk("bad") | jwk, curve_jwk()]}).encode()
    assert parse_key_set(content).keys() == {"e1"}
