from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from response.text import MAX_SHOWN, identifier, safe

hostile = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("@<>[]()`*|\\&#:/. \n\u202e\u200b"),
        st.sampled_from("httpswwwevilcom"),
    ),
    max_size=400,
)


@given(hostile)
def test_nothing_invisible_comes_through(text: str) -> None:
    assert all(unicodedata.category(char)[0] != "C" for char in safe(text))


@given(hostile)
def test_it_is_one_line_of_bounded_length(text: str) -> None:
    assert len(safe(text)) <= MAX_SHOWN
    assert len(safe(text).splitlines()) <= 1


@given(hostile)
def test_no_mention_markup_or_link_comes_through(text: str) -> None:
    shown = safe(text)
    assert not set("@<>[]`*|\\&") & set(shown)
    assert not re.search(r"[a-z]:/", shown, re.IGNORECASE)
    assert not re.search(r"\w\.[a-z]", shown, re.IGNORECASE)


@given(hostile)
def test_what_is_safe_stays_as_it_is(text: str) -> None:
    assert safe(safe(text)) == safe(text)


@given(st.text("abcdefghijklmnopqrstuvwxyzäöüß0123456789 _-", max_size=MAX_SHOWN))
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert safe(text) == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alice@example.com", "alice(at)example(.)com"),
        ("@everyone look", "(at)everyone look"),
        ("<!channel> [x](https://evil.example/a)", "‹!channel› (x)(https(:)//evil(.)example/a)"),
        ("javascript:alert(1)", "javascript(:)alert(1)"),
        ("a\u202eb\u200bc\x1b[31m", "abc(31m"),
        ("two\nlines\u2028and more", "two lines and more"),
        ("203.0.113.9 Firefox/128.0", "203.0.113.9 Firefox/128.0"),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_invisible_characters_in_front_hide_nothing() -> None:
    assert safe("\u200b" * 900 + "curl/8") == "curl/8"


def test_an_identifier_stays_the_same_for_machines_that_compare_it() -> None:
    assert identifier("alice@example.com") == "alice@example.com"


def test_an_invisible_character_in_an_identifier_shows() -> None:
    assert identifier("ali\N{ZERO WIDTH SPACE}ce\N{RIGHT-TO-LEFT OVERRIDE}\x1b") == "ali\ufffdce\ufffd\ufffd"


def test_an_identifier_is_cut() -> None:
    assert identifier("a" * 300, 10) == "a" * 9 + "…"
