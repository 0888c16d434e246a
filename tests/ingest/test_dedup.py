"""Deduplication: once is once, however often it is sent."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import dedup as module
from ingest.dedup import MEMORY_FLOOR, Dedup
from schemas.event import Event
from schemas.instant import DAY, HOUR, MINUTE, SECOND
from schemas.refusal import Reason
from store.rows import DeadLetter
from tests.ingest.wire import NOON_US


def event(name: object, at_us: int = 0) -> Event:
    return Event(str(uuid.uuid5(uuid.NAMESPACE_OID, str(name))), NOON_US + at_us, "validate", "bank")


def stored(*events: Event) -> Dedup:
    """A stage whose store holds these events."""
    times = {one.event_id: one.time_us for one in events}
    return Dedup(lambda asked: {one.event_id: times[one.event_id] for one in asked if one.event_id in times})


def test_twice_in_a_batch_is_once() -> None:
    fresh, conflicts, duplicates = Dedup().unique([event("a"), event("b"), event("a")])
    assert fresh == [event("a"), event("b")]
    assert (conflicts, duplicates) == ([], 1)


def test_again_in_the_next_batch_is_a_duplicate() -> None:
    dedup = Dedup()
    dedup.unique([event("a")])
    assert dedup.unique([event("a"), event("b")]) == ([event("b")], [], 1)


def test_what_the_store_holds_is_a_duplicate() -> None:
    assert stored(event("a")).unique([event("a"), event("b")]) == ([event("b")], [], 1)


def test_the_store_is_not_asked_for_what_memory_knows() -> None:
    asked: list[list[Event]] = []

    def known(events: list[Event]) -> dict[str, int]:
        asked.append(list(events))
        return {}

    dedup = Dedup(known)
    dedup.unique([event("a")])
    dedup.unique([event("a")])
    assert asked == [[event("a")]]


def test_the_same_id_with_another_time_is_a_conflict_in_a_batch() -> None:
    fresh, ((refused, why),), duplicates = Dedup().unique([event("a"), event("a", SECOND)])
    assert (fresh, refused, why.reason, duplicates) == ([event("a")], event("a", SECOND), Reason.ID_CONFLICT, 0)


def test_the_same_id_with_another_time_is_a_conflict_between_batches() -> None:
    dedup = Dedup()
    dedup.unique([event("a")])
    assert [why.reason for _, why in dedup.unique([event("a", DAY)])[1]] == [Reason.ID_CONFLICT]


def test_the_same_id_with_another_time_is_a_conflict_with_the_store() -> None:
    assert [why.reason for _, why in stored(event("a")).unique([event("a", 1)])[1]] == [Reason.ID_CONFLICT]


def test_a_conflict_replaces_nothing() -> None:
    dedup = Dedup()
    dedup.unique([event("a"), event("a", SECOND)])
    assert dedup.unique([event("a")])[2] == 1


def test_order_is_kept() -> None:
    events = [event(n, at_us=-n) for n in range(10)]
    assert Dedup().unique(events)[0] == events


def test_one_event_far_ahead_does_not_empty_the_memory() -> None:
    dedup = Dedup()
    dedup.unique([event("a"), event("from 2099", 70 * 365 * DAY)])
    assert dedup.unique([event("a")])[2] == 1


def test_memory_is_bounded_by_time() -> None:
    dedup = Dedup(memory_us=MINUTE)
    dedup.unique([event(n) for n in range(MEMORY_FLOOR + 10)])
    dedup.unique([event("later", HOUR)])
    assert len(dedup.unique([event(n) for n in range(20)])[0]) == 11


def test_memory_is_bounded_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEMORY_FLOOR", 2)
    monkeypatch.setattr(module, "MEMORY_BOUND", 5)
    dedup = Dedup()
    dedup.unique([event(n) for n in range(8)])
    assert dedup.unique([event(n) for n in range(8)])[2] == 5


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), max_size=40), st.integers(1, 7))
def test_however_a_stream_is_cut_each_identity_comes_through_once(drawn: list[tuple[int, int]], size: int) -> None:
    events = [event(name, at) for name, at in drawn]
    dedup = Dedup()
    fresh: list[Event] = []
    others = 0
    for start in range(0, len(events), size):
        new, conflicts, duplicates = dedup.unique(events[start : start + size])
        fresh += new
        others += len(conflicts) + duplicates
    first = {}
    for one in events:
        first.setdefault(one.event_id, one)
    assert fresh == list(first.values())
    assert len(fresh) + others == len(events)


def letter(offset: int) -> DeadLetter:
    return DeadLetter("events", 0, offset, NOON_US, "not_json", "value", 3, "hash", b"abc")


def test_a_record_that_is_refused_again_is_no_further_dead_letter() -> None:
    dedup = Dedup(known_letters=lambda letters: {one.key for one in letters if one.offset < 3})
    assert dedup.unique_letters([letter(number) for number in range(5)]) == [letter(3), letter(4)]
    assert Dedup().unique_letters([letter(1)]) == [letter(1)]


def test_where_nothing_was_refused_the_store_is_not_asked() -> None:
    def known(_letters: list[DeadLetter]) -> set[object]:
        raise AssertionError("asked")

    assert Dedup(known_letters=known).unique_letters([]) == []  # type: ignore[arg-type]
