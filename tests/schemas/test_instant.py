"""Instants: exact on the way in and out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.instant import DAY, SECOND, parse_rfc3339, to_datetime, to_rfc3339, to_us

NOON_US = 1_793_534_400_000_000
INSTANTS = st.integers(946_684_800 * SECOND, 4_102_444_800 * SECOND)  # 2000 to 2100


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-01T12:00:00Z",
        "2026-11-01t12:00:00z",
        "2026-11-01 12:00:00Z",
        "2026-11-01T12:00:00.000000Z",
        "2026-11-01T12:00:00+00:00",
        "2026-11-01T12:00:00-00:00",
        "2026-11-01T17:30:00+05:30",
        "2026-10-31T23:00:00.0-13:00",
    ],
)
def test_the_same_instant_in_many_spellings(text: str) -> None:
    assert parse_rfc3339(text) == NOON_US


def test_what_is_finer_than_a_microsecond_is_cut() -> None:
    assert parse_rfc3339("2026-11-01T12:00:00.123456999Z") == NOON_US + 123_456


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-01T12:00:00",
        "2026-11-01",
        "20261101T120000Z",
        "2026-W44-7T12:00:00Z",
        "2026-305T12:00:00Z",
        "2026-11-01T12:00Z",
        "2026-11-01T24:00:01Z",
        "2026-11-01T12:00:00+0100",
        "2026-11-01T12:00:00,5Z",
        "2026-11-01T12:00:00.Z",
        "2026-11-01T12:00:00Z ",
        "2026-11-01T12:00:00Z\n",
        "٢٠٢٦-11-01T12:00:00Z",
        "1793534400",
        "",
    ],
)
def test_other_texts_are_no_instants(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|must be in"):
        parse_rfc3339(text)


def test_written_with_six_digits_and_z() -> None:
    assert to_rfc3339(NOON_US + 7) == "2026-11-01T12:00:00.000007Z"


@given(INSTANTS)
def test_an_instant_survives_its_text(instant_us: int) -> None:
    assert parse_rfc3339(to_rfc3339(instant_us)) == instant_us


@given(INSTANTS)
def test_an_instant_survives_datetime(instant_us: int) -> None:
    assert to_us(to_datetime(instant_us)) == instant_us


@given(INSTANTS, st.integers(-14 * 60, 14 * 60))
def test_an_offset_moves_no_instant(instant_us: int, offset_minutes: int) -> None:
    local = to_datetime(instant_us).astimezone(timezone(timedelta(minutes=offset_minutes)))
    assert parse_rfc3339(local.isoformat()) == instant_us


@given(INSTANTS, INSTANTS)
def test_texts_sort_as_instants_do(one_us: int, other_us: int) -> None:
    assert (to_rfc3339(one_us) < to_rfc3339(other_us)) == (one_us < other_us)


def test_instants_before_the_epoch_are_exact_too() -> None:
    assert to_us(datetime(1969, 12, 31, tzinfo=UTC)) == -DAY
    assert to_datetime(-1).microsecond == 999_999
