from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from response.recurring import RecurringRefused, parse_recurring
from schemas.instant import parse_rfc3339

INSTANTS = st.integers(parse_rfc3339("2026-01-01T00:00:00Z"), parse_rfc3339("2030-01-01T00:00:00Z"))
HOURS = ["00:00 Europe/Berlin", "02:30 Europe/Berlin", "08:00", "23:59 America/Sao_Paulo", "01:30 Australia/Lord_Howe"]


@pytest.mark.parametrize(
    ("text", "now", "last", "following"),
    [
        ("08:00 Europe/Berlin", "2026-11-25T07:00:00Z", "2026-11-25T07:00:00Z", "2026-11-26T07:00:00Z"),
        ("08:00 Europe/Berlin", "2026-11-25T06:59:59Z", "2026-11-24T07:00:00Z", "2026-11-25T07:00:00Z"),
        # Summer time ends: the day has 25 hours.
        ("08:00 Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-25T07:00:00Z", "2026-10-26T07:00:00Z"),
        ("08:00 Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-24T06:00:00Z", "2026-10-25T07:00:00Z"),
        ("08:00", "2026-11-25T08:00:00Z", "2026-11-25T08:00:00Z", "2026-11-26T08:00:00Z"),
        ("23:30 America/New_York", "2026-11-25T03:00:00Z", "2026-11-24T04:30:00Z", "2026-11-25T04:30:00Z"),
    ],
)
def test_a_day_has_its_hour_once(text: str, now: str, last: str, following: str) -> None:
    daily, now_us = parse_recurring(text, weekly=False), parse_rfc3339(now)
    assert daily.last(now_us) == parse_rfc3339(last)
    assert daily.following(now_us) == parse_rfc3339(following)


def test_a_week_has_its_hour_once() -> None:
    weekly = parse_recurring("Mon 08:00 Europe/Berlin", weekly=True)
    wednesday = parse_rfc3339("2026-11-25T10:00:00Z")
    assert weekly.last(wednesday) == parse_rfc3339("2026-11-23T07:00:00Z")
    assert weekly.following(wednesday) == parse_rfc3339("2026-11-30T07:00:00Z")


@given(text=st.sampled_from(HOURS), now_us=INSTANTS)
def test_what_follows_the_last_is_later_than_now(text: str, now_us: int) -> None:
    daily = parse_recurring(text, weekly=False)
    last_us, following_us = daily.last(now_us), daily.following(now_us)
    assert last_us <= now_us < following_us
    assert daily.following(last_us) == following_us


@pytest.mark.parametrize("text", ["Mon 08:00", "8:00", "08:00-09:00", "", "08:00 Europe/Berlin x", "٠٨:٠٠"])
def test_a_day_has_an_hour_and_nothing_else(text: str) -> None:
    with pytest.raises(RecurringRefused, match="expected an hour such as"):
        parse_recurring(text, weekly=False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("08:00", "expected a day and an hour"),
        ("Mox 08:00", "no day is named 'Mox'"),
        ("Mon 24:00", "24:00 is no time of a day"),
        ("Mon 08:00 Europe/Atlantis", "no time zone is named 'Europe/Atlantis'"),
    ],
)
def test_a_week_has_a_day_and_an_hour(text: str, why: str) -> None:
    with pytest.raises(RecurringRefused, match=why):
        parse_recurring(text, weekly=True)
