"""The dedup stage asks which ids are stored, in the hours that the batch touches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from schemas.instant import DAY, HOUR, MINUTE
from store.duplicates import MAX_SPANS, _spans
from store.reader import Reader
from store.rows import DeadLetter
from store.writer import Writer
from tests.store.samples import NOON, event


def test_a_stored_event_is_known_with_its_time(writer: Writer, reader: Reader) -> None:
    stored = event(NOON + 5)
    with writer.transaction():
        writer.append_events([stored])
    assert reader.known([stored, event(NOON)]) == {stored.event_id: NOON + 5}


def test_an_id_with_another_time_in_the_hour_comes_back_with_the_stored_time(writer: Writer, reader: Reader) -> None:
    stored = event(NOON)
    with writer.transaction():
        writer.append_events([stored])
    assert reader.known([event(NOON + MINUTE, event_id=stored.event_id)]) == {stored.event_id: NOON}


def test_hours_that_the_batch_does_not_touch_are_not_looked_at(writer: Writer, reader: Reader) -> None:
    stored = event(NOON)
    with writer.transaction():
        writer.append_events([stored])
    assert reader.known([event(NOON + HOUR, event_id=stored.event_id)]) == {}


def test_hours_between_those_of_a_scattered_batch_are_not_looked_at(writer: Writer, reader: Reader) -> None:
    stored = event(NOON + HOUR)
    with writer.transaction():
        writer.append_events([stored])
    scattered = [event(NOON + number * 2 * HOUR) for number in range(20)]
    assert reader.known([*scattered, event(NOON, event_id=stored.event_id)]) == {}


def test_a_batch_over_many_days_finds_all(writer: Writer, reader: Reader) -> None:
    stored = [event(NOON + number * DAY) for number in range(40)]
    with writer.transaction():
        writer.append_events(stored)
    assert reader.known(stored) == {one.event_id: one.time_us for one in stored}


def test_where_both_times_are_stored_the_events_own_comes_back(writer: Writer, reader: Reader) -> None:
    first = event(NOON)
    second = event(NOON + MINUTE, event_id=first.event_id)
    with writer.transaction():
        writer.append_events([second, first, second])
    assert reader.known([first]) == {first.event_id: NOON}
    assert reader.known([second]) == {first.event_id: NOON + MINUTE}


def test_an_empty_batch_knows_nothing(reader: Reader) -> None:
    assert reader.known([]) == {}


@given(some.sets(some.integers(-500, 500), max_size=60))
def test_few_spans_cover_every_hour(hours: set[int]) -> None:
    spans = _spans(hours)
    assert len(spans) <= MAX_SPANS
    assert all(any(first <= hour <= last for first, last in spans) for hour in hours)
    assert all(first in hours and last in hours for first, last in spans)


def letter(offset: int, partition: int = 0, topic: str = "events", reason: str = "not_json") -> DeadLetter:
    return DeadLetter(topic, partition, offset, NOON, reason, "value", 3, f"hash of {offset}", b"abc")


def test_a_stored_dead_letter_is_known_by_its_place_reason_and_content(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.append_dead_letters([letter(7), letter(8), letter(8, partition=1), letter(900, partition=1)])
    known = reader.known_letters([letter(5), letter(8), letter(9), letter(900, partition=1)])
    assert known == {letter(7).key, letter(8).key, letter(900, partition=1).key}
    assert letter(8, reason="not_object").key not in known
    assert reader.known_letters([letter(7, topic="others")]) == set()
