"""Who came in and who was turned away: a line each, and never many however many try."""

from __future__ import annotations

import pytest

from response.commands import Note
from schemas.instant import HOUR, MINUTE, SECOND
from sessionwatch.api.principal import Principal
from sessionwatch.api.visits import MOST_SOURCES, NEW_SOURCES, Visits

CAROL = Principal("carol", "analyst")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_us = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.now_us


class Told:
    """Visits, and what they have told."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.notes: list[Note] = []
        self.visits = Visits(self.notes.append, self.clock)

    def said(self) -> list[tuple[str, str, str]]:
        """What was told since the last call: act, actor, why."""
        said = [(note.act, note.by, note.reason) for note in self.notes]
        self.notes.clear()
        return said

    def later(self, by_us: int) -> None:
        """Let time pass, as the pipeline's turns see it."""
        self.clock.now_us += by_us
        self.visits.tick()


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_sign_in_is_a_line(told: Told) -> None:
    told.visits.signed_in(CAROL, "192.0.2.1")
    assert told.said() == [("signed in", "carol", "analyst, from 192.0.2.1")]


def test_a_token_is_a_line_at_first_and_again_after_an_hour_of_silence(told: Told) -> None:
    for _ in range(5):
        told.visits.used(CAROL, "192.0.2.1")
        told.later(50 * MINUTE)
    assert told.said() == [("token used", "carol", "analyst, from 192.0.2.1")]
    told.later(10 * MINUTE)
    told.visits.used(CAROL, "192.0.2.1")
    assert len(told.said()) == 1


def test_a_denial_is_a_line_at_once(told: Told) -> None:
    told.visits.denied("192.0.2.1", "a wrong token or code")
    assert told.said() == [("access denied", "192.0.2.1", "a wrong token or code")]


def test_whoever_goes_on_gets_a_line_a_minute_with_a_number(told: Told) -> None:
    for _ in range(600):
        told.visits.denied("192.0.2.1", "a wrong token or code")
        told.later(SECOND)
    said = told.said()
    assert len(said) == 1 + 10
    assert said[1][2] == "59 more requests, the last: a wrong token or code"


def test_what_was_counted_is_told_though_nobody_comes_any_more(told: Told) -> None:
    told.visits.denied("192.0.2.1", "x")
    told.visits.denied("192.0.2.1", "x")
    told.said()
    told.later(HOUR)
    assert [why for _, _, why in told.said()] == ["1 more requests, the last: x"]
    told.later(HOUR)
    assert told.said() == []


def test_many_sources_share_a_line(told: Told) -> None:
    for number in range(1_000):
        told.visits.denied(f"10.0.{number // 250}.{number % 250}", "x")
    assert len(told.said()) == NEW_SOURCES
    told.later(MINUTE)
    assert [(by, why) for _, by, why in told.said()] == [
        ("pipeline", f"{1_000 - NEW_SOURCES} requests from other addresses, the last: x")
    ]


def test_a_flood_from_everywhere_for_an_hour_is_bounded(told: Told) -> None:
    for second in range(3_600):
        for number in range(10):
            told.visits.denied(f"10.{second % 7}.{second % 250}.{number}", "x")
        told.later(SECOND)
    assert len(told.said()) <= 60 * (NEW_SOURCES + MOST_SOURCES + 1)


def test_a_network_of_ipv6_is_one_source(told: Told) -> None:
    for number in range(50):
        told.visits.denied(f"2001:db8::{number:x}", "x")
    assert [by for _, by, _ in told.said()] == ["2001:db8::/64"]
