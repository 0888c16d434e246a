"""A URL that arrived over the wire leads only where the operator lets it."""

from __future__ import annotations

import pytest

from response.ssf.allow_list import is_allowed

ALLOWED = ["https://bank.example.com/events", "https://shop.example.com:8443", "https://open.example.com/"]


@pytest.mark.parametrize(
    "url",
    [
        "https://bank.example.com/events",
        "https://bank.example.com/events/",
        "https://bank.example.com/events/of/ours?x=1",
        "https://bank.example.com:443/events",
        "https://BANK.example.com/events",
        "https://shop.example.com:8443/anything",
        "https://open.example.com",
    ],
)
def test_what_lies_below_an_entry_is_allowed(url: str) -> None:
    assert is_allowed(url, ALLOWED)


@pytest.mark.parametrize(
    "url",
    [
        "http://bank.example.com/events",
        "https://bank.example.com/eventsof",
        "https://bank.example.com/",
        "https://bank.example.com/events/../admin",
        "https://bank.example.com/events/%2e%2e/admin",
        "https://bank.example.com/events/..",
        "https://bank.example.com/events//admin",
        "https://bank.example.com/events\\..\\admin",
        "https://bank.example.com:8443/events",
        "https://shop.example.com/",
        "https://bank.example.com.evil.example/events",
        "https://bank.example.com@evil.example/events",
        "https://evil.example/https://bank.example.com/events",
        "https://bank.example.com/events#x",
        "https://127.0.0.1/events",
        "file:///etc/passwd",
        "",
    ],
)
def test_everything_else_is_not(url: str) -> None:
    assert not is_allowed(url, ALLOWED)


def test_an_empty_list_allows_nothing() -> None:
    assert not is_allowed("https://bank.example.com/events", [])
