from __future__ import annotations

from datetime import datetime

import pytest

from response.hours import HoursRefused, parse_hours


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("hours", "instant", "within"),
    [
        ("09:00-17:00", "2026-11-25T09:00:00+00:00", True),
        ("09:00-17:00", "2026-11-25T17:00:00+00:00", False),
        ("Mon-Fri 09:00-17:00", "2026-11-28T10:00:00+00:00", False),
        ("Mon,Sat 09:00-17:00", "2026-11-28T10:00:00+00:00", True),
        ("Sat-Mon 00:00-24:00", "2026-11-30T23:59:59+00:00", True),
        ("Sat-Mon 00:00-24:00", "2026-12-01T00:00:00+00:00", False),
        ("Fri 22:00-06:00", "2026-11-28T05:59:00+00:00", True),
        ("Fri 22:00-06:00", "2026-11-27T05:59:00+00:00", False),
        ("Fri 22:00-06:00", "2026-11-27T22:00:00+00:00", True),
    ],
    ids=["first", "end", "weekend", "list", "over-the-week", "after-it", "night", "night-before", "evening"],
)
def test_an_instant_lies_within_or_not(hours: str, instant: str, within: bool) -> None:
    assert parse_hours(hours).contains(at(instant)) is within


def test_summer_time_is_the_zones_own() -> None:
    hours = parse_hours("09:00-17:00 Europe/Berlin")
    assert hours.contains(at("2026-07-01T07:00:00+00:00"))
    assert not hours.contains(at("2026-12-01T07:00:00+00:00"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("9-17", "expected hours such as"),
        ("09:00-17:00 Mars/Olympus", "no time zone is named 'Mars/Olympus'"),
        ("09:60-17:00", "09:60 is no time of a day"),
        ("Mon-Foo 09:00-17:00", "no day is named 'Foo'"),
        ("Mon-Tue-Wed 09:00-17:00", "got the days"),
        ("09:00-17:00 ../etc/passwd", "expected hours such as"),
    ],
)
def test_what_names_no_hours_is_refused(text: str, why: str) -> None:
    with pytest.raises(HoursRefused, match=why):
        parse_hours(text)
