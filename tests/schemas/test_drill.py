"""Drill ids: what the installation's key has signed counts, for reserved users and for a while, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.drill import LONGEST_US, DrillKey, read_drill
from schemas.instant import MINUTE, SECOND, parse_rfc3339, to_rfc3339

KEY = DrillKey(bytes(range(32)))
NOON_US = parse_rfc3339("2026-11-01T12:00:00Z")
UNTIL_US = NOON_US + 10 * MINUTE


def event(drill: str, **changes: Any) -> dict[str, Any]:
    return {"drill": drill, "app": "bank", "user_id": "sw-drill-1", "event_time": to_rfc3339(NOON_US)} | changes


def test_a_signed_id_counts_for_a_reserved_user() -> None:
    assert KEY.counts(event(KEY.sign("brute-force", "bank", UNTIL_US)))


def test_no_two_drills_have_one_id() -> None:
    assert KEY.sign("brute-force", "bank", UNTIL_US) != KEY.sign("brute-force", "bank", UNTIL_US)


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": "alice"},
        {"user_id": None},
        {"user_id": 7},
        {"user_id": "not-sw-drill-1"},
        {"app": "shop"},
        {"event_time": to_rfc3339(UNTIL_US + 2 * SECOND)},
        {"event_time": to_rfc3339(UNTIL_US - LONGEST_US - MINUTE)},
        {"event_time": "noon"},
        {"event_time": 7},
        {"drill": None},
        {"drill": "d1"},
    ],
    ids=str,
)
def test_it_does_not_count_for_anybody_else_elsewhere_or_later(changes: dict[str, Any]) -> None:
    assert not KEY.counts(event(KEY.sign("brute-force", "bank", UNTIL_US)) | changes)


def test_another_installation_has_signed_nothing() -> None:
    assert not DrillKey(bytes(32)).counts(event(KEY.sign("brute-force", "bank", UNTIL_US)))


def test_a_named_user_is_that_one_alone() -> None:
    drill = KEY.sign("brute-force", "bank", UNTIL_US, named_user="alice")
    assert KEY.counts(event(drill, user_id="alice"))
    assert not KEY.counts(event(drill, user_id="bob"))
    assert not KEY.counts(event(drill))


def test_what_it_says_of_itself_cannot_be_changed() -> None:
    drill = KEY.sign("brute-force", "bank", UNTIL_US)
    for changed in (
        drill.replace("brute-force..", "brute-force.r."),
        drill.replace("brute-force..", "brute-force.n."),
        drill.replace("brute-force", "stolen-cookie"),
        drill.replace(str(UNTIL_US // SECOND + 1), str(UNTIL_US // SECOND + 9_999)),
    ):
        assert changed != drill
        assert read_drill(changed) is not None
        assert not KEY.counts(event(changed))


def test_it_says_what_it_is() -> None:
    drill = read_drill(KEY.sign("brute-force", "bank", UNTIL_US, revokes=True))
    assert drill is not None
    assert (drill.attack, drill.revokes, drill.named) == ("brute-force", True, False)
    assert UNTIL_US < drill.until_us <= UNTIL_US + SECOND


@given(st.text())
def test_any_other_text_is_none_and_counts_for_nobody(text: str) -> None:
    assert read_drill(text) is None
    assert not KEY.counts(event(text))


def test_a_key_has_32_bytes_and_is_not_shown() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        DrillKey(b"short")
    assert "01" not in repr(KEY)
