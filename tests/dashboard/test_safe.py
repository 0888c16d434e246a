"""Text of an event on its way to a page."""

from __future__ import annotations

import pytest

from dashboard.safe import html_text, visible


def test_html_becomes_text() -> None:
    assert html_text("<img src=x onerror=alert(1)>") == "&lt;img src=x onerror=alert(1)&gt;"


def test_quotes_cannot_leave_an_attribute() -> None:
    assert html_text("\"'") == "&quot;&#x27;"


@pytest.mark.parametrize(
    "unseen", ["\u202e", "\u2066", "\u200f", "\u200b", "\ufeff", "\x00", "\x1b", "\x9b", "\u2028", "\ud800"]
)
def test_what_is_not_seen_is_shown_as_a_replacement(unseen: str) -> None:
    assert visible(f"invoice{unseen}fdp.exe") == "invoice\ufffdfdp.exe"


def test_a_line_stays_one_line() -> None:
    assert "\n" not in visible("first\nsecond")


def test_long_text_is_cut_and_says_so() -> None:
    assert visible("a" * 1_000, 10) == "a" * 9 + "…"


def test_letters_of_every_script_pass() -> None:
    assert visible("Łukasz Müller 李雷 محمد") == "Łukasz Müller 李雷 محمد"
