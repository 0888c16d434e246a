"""The session's cookie, as it is found and left; held against the readers that frameworks use."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sessionwatch_emitter.cookies import SessionCookies
from starlette.requests import cookie_parser
from werkzeug.http import parse_cookie


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("", []),
        ("other=1", []),
        ("session=abc", ["abc"]),
        ("a=1; session=abc; b=2", ["abc"]),
        ("session=abc==", ["abc=="]),
        ("xsession=no; session=abc", ["abc"]),
        ("session=", []),
        ('session=""', []),
        ("session=one; session=two", ["one", "two"]),
        ("session=one; session=one", ["one"]),
        ('session="abc"', ["abc"]),
        ('session=abc; session="abc"', ["abc"]),
        (r'session="\141bc"', ["abc"]),
        (r'session="a\"b\054c"', ['a"b,c']),
        ('session="abc', ['"abc']),
        ("session = abc", ["abc"]),
        ("session=abc a=b", ["abc"]),
        ('session="abc" a=b', ["abc"]),
        ("a=b session=abc", []),
        ("session", []),
    ],
)
def test_the_values_of_the_cookie_are_found_in_order(header: str, values: list[str]) -> None:
    assert SessionCookies(header, "session").values == values


@pytest.mark.parametrize(
    ("header", "left"),
    [
        ("session=abc", "session=abc"),
        ("a=1; session=abc; b=2", "session=abc; a=1; b=2"),
        ('session="abc"', "session=abc"),
        (r'session="a\054b c"', r'session="a\054b\040c"'),
        ("session=abc; session=junk", "session=abc"),
        ("session=abc a=b", "session=abc"),
        ("session=abc; a=b session=junk; c=d", "session=abc; c=d"),
        ("session=abc; my-session=1; app.session=2", "session=abc; my-session=1; app.session=2"),
        ('session=abc; a="one; two"', 'session=abc; a="one; two"'),
        ('session=abc; a={"json": 1}; b=a session', 'session=abc; a={"json": 1}; b=a session'),
        ("session=abc; a=/login?x=1&session=2", "session=abc; a=/login?x=1&session=2"),
    ],
)
def test_one_cookie_is_left_in_one_spelling_and_the_others_as_they_are(header: str, left: str) -> None:
    cookies = SessionCookies(header, "session")
    assert cookies.header(cookies.values[0]) == left


@pytest.mark.parametrize("header", ["session=abc", "a=b session=abc", "session=; session"])
def test_without_a_value_nothing_of_the_cookie_is_left(header: str) -> None:
    assert SessionCookies(header, "session").header(None) == ""


def by_http_cookies(header: str) -> str | None:
    try:
        found = SimpleCookie(header).get("session")
    except CookieError:
        return None
    return found.value if found else None


def by_werkzeug(header: str) -> str | None:
    found = parse_cookie(header).getlist("session")
    assert len(found) <= 1
    return found[0] if found else None


def by_starlette_as_by_django(header: str) -> str | None:
    return cookie_parser(header).get("session")


def by_webob(header: str) -> str | None:
    """Finds cookies as WebOb (Pyramid) does: anywhere, one after the other, the last one wins."""
    legal = r"[\w~!@#$%^&*()_+=\-`.?|:/(){}<>']"
    value = rf'"(?:\\"|.)*?"|\w{{3}},\s[\w-]{{9,11}}\s[\d:]{{8}}\sGMT|(?:{legal}|\\(?:[0-3][0-7][0-7]|.))*'
    found = dict(re.findall(rf"({legal}+?)\s*=\s*({value})", header, re.ASCII)).get("session")
    if found is None:
        return None
    if found and found[0] == found[-1] == '"':
        found = found[1:-1]
    return re.sub(r"\\([0-3][0-7][0-7]|.)", lambda m: chr(int(m[1], 8)) if len(m[1]) == 3 else m[1], found)


PIECES = [
    "session", "session=", "STOLEN", "=", ";", "; ", " ", '"', "\\", "\\123", ",", "a=b", "x", "Path", "$", "[", "&",
    "/", "\t", "\x0b", "\x1c", "\x1f", "\x7f", "Wed, 09-Jun-2021 10:10:10 GMT",
]  # fmt: skip
HEADERS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@pytest.mark.parametrize(
    ("read", "may_stop"),
    [
        # It gives up on the whole header when any cookie in it is odd.
        (by_http_cookies, True),
        (by_werkzeug, False),
        (by_starlette_as_by_django, False),
        (by_webob, False),
    ],
)
@given(header=HEADERS)
@example(header='session="STOLEN"')
@example(header="a=b session=STOLEN")
@example(header="a=b session =STOLEN")
@example(header="session\xe2\x80\x83=STOLEN")
@example(header="session=STOLEN a=b")
@example(header="session=STOLEN,x")
@example(header='a="x"session=STOLEN')
@example(header="a=Wed, 09-Jun-2021 10:10:10 GMTsession=STOLEN")
@example(header='session=x; a="; session=STOLEN; b="')
def test_every_framework_reads_the_value_that_was_looked_up(
    read: Callable[[str], str | None], may_stop: bool, header: str
) -> None:
    cookies = SessionCookies(header, "session")
    for value in [*cookies.values, None]:
        assert read(cookies.header(value)) in ({value, None} if may_stop else {value})


@given(header=HEADERS)
def test_what_is_left_reads_the_same_once_more(header: str) -> None:
    cookies = SessionCookies(header, "session")
    for value in cookies.values:
        left = cookies.header(value)
        assert SessionCookies(left, "session").values == [value]
        assert SessionCookies(left, "session").header(value) == left


@given(st.text(st.characters(max_codepoint=255), min_size=1))
def test_a_value_of_any_kind_is_spelled_so_that_it_is_read_back(value: str) -> None:
    assert SessionCookies(SessionCookies("", "session").header(value), "session").values == [value]
