"""Durations: texts outside, microseconds inside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from detectors.parameters import format_duration
from schemas.instant import DAY, HOUR, MINUTE, SECOND
from sessionwatch.config.value_types import LONGEST_DURATION, Duration

DURATION: TypeAdapter[int] = TypeAdapter(Duration)


@given(st.integers(0, LONGEST_DURATION // 1_000).map(lambda milliseconds: milliseconds * 1_000))
def test_a_duration_survives_being_written_and_read(microseconds: int) -> None:
    assert DURATION.validate_python(format_duration(microseconds), strict=True) == microseconds


@given(st.integers(0, 36_500), st.sampled_from([("s", SECOND), ("m", MINUTE), ("h", HOUR), ("d", DAY)]))
def test_a_number_and_a_unit_mean_their_product(number: int, unit: tuple[str, int]) -> None:
    assert DURATION.validate_python(f"{number}{unit[0]}") == number * unit[1]


@given(st.text(max_size=8))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    try:
        duration = DURATION.validate_python(text)
    except ValidationError:
        return
    assert 0 <= duration <= LONGEST_DURATION


@pytest.mark.parametrize("text", ["", "5", "5 m", "-5m", "1.5h", "5M", "1h30m", "m", 15, 1.5, True, None])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        DURATION.validate_python(text)
