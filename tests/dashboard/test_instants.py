"""How instants and lengths of time are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboard import instants
from dashboard.instants import at, length, zone_name


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (3_900, "1 h 05"),
        (172_800, "2 d"),
    ],
)
def test_a_length_is_written_in_its_largest_units(seconds: float, written: str) -> None:
    assert length(seconds) == written


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The person's browser stands in Berlin, and the zone is the browser's."""
    monkeypatch.setattr(instants, "zone", lambda: ZoneInfo("Europe/Berlin"))


SUMMER = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
"""Half an hour before Berlin's clocks go back."""
WINTER = SUMMER + timedelta(hours=1)


@pytest.mark.usefixtures("in_berlin")
def test_the_hour_that_comes_twice_is_told_apart_by_the_zones_name() -> None:
    assert at(SUMMER) == at(WINTER) == "25 Oct 02:30:00"
    assert (zone_name(SUMMER), zone_name(WINTER)) == ("CEST", "CET")


@pytest.mark.usefixtures("in_berlin")
def test_a_table_over_the_change_names_both() -> None:
    assert zone_name(SUMMER, SUMMER, WINTER) == "CEST/CET"


@pytest.mark.usefixtures("in_berlin")
def test_the_hour_that_is_skipped_in_spring_is_skipped() -> None:
    before = datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)
    assert at(before) == "29 Mar 01:59:59"
    assert at(before + timedelta(seconds=1)) == "29 Mar 03:00:00"


def test_without_a_choice_it_is_utc() -> None:
    assert (at(SUMMER), zone_name(SUMMER)) == ("25 Oct 00:30:00", "UTC")
