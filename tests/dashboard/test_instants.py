"""How lengths of time are written."""

from __future__ import annotations

import pytest

from dashboard.instants import length


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
