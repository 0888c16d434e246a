from __future__ import annotations

from sessionwatch_emitter.event import Record
from sessionwatch_emitter.event_queue import EventQueue, Priority

REQUEST, FAIL, OTHER = Priority.REQUEST, Priority.FAIL, Priority.OTHER


def filled(size: int, *priorities: Priority) -> EventQueue:
    queue = EventQueue(size)
    for number, priority in enumerate(priorities):
        queue.put(priority, Record(None, str(number).encode()))
    return queue


def names(queue: EventQueue) -> list[bytes]:
    return [queued.record.value for queued in queue.take(100)]


def test_it_is_first_in_first_out_whatever_the_priority() -> None:
    assert names(filled(5, OTHER, REQUEST, FAIL, REQUEST)) == [b"0", b"1", b"2", b"3"]


def test_when_full_the_oldest_request_gives_way_to_anything() -> None:
    queue = filled(3, FAIL, REQUEST, REQUEST)
    assert queue.put(REQUEST, Record(None, b"new")) is REQUEST
    assert names(queue) == [b"0", b"2", b"new"]


def test_a_new_request_finds_no_place_among_others() -> None:
    queue = filled(2, FAIL, OTHER)
    assert queue.put(REQUEST, Record(None, b"new")) is REQUEST
    assert names(queue) == [b"0", b"1"]


def test_without_requests_the_oldest_fail_gives_way() -> None:
    queue = filled(3, OTHER, FAIL, FAIL)
    assert queue.put(OTHER, Record(None, b"new")) is FAIL
    assert names(queue) == [b"0", b"2", b"new"]


def test_a_new_fail_finds_no_place_among_the_rest() -> None:
    queue = filled(2, OTHER, OTHER)
    assert queue.put(FAIL, Record(None, b"new")) is FAIL
    assert names(queue) == [b"0", b"1"]


def test_only_among_the_rest_does_the_oldest_of_them_give_way() -> None:
    queue = filled(2, OTHER, OTHER)
    assert queue.put(OTHER, Record(None, b"new")) is OTHER
    assert names(queue) == [b"1", b"new"]


def test_what_comes_back_takes_its_old_place() -> None:
    queue = filled(9, OTHER, REQUEST, FAIL, OTHER)
    first, second, third = queue.take(3)
    queue.put_back([third, first, second])
    assert names(queue) == [b"0", b"1", b"2", b"3"]


def test_what_comes_back_to_a_full_queue_gives_way_by_the_same_rule() -> None:
    queue = filled(2, REQUEST, OTHER)
    taken = queue.take(2)
    queue.put(OTHER, Record(None, b"new"))
    assert queue.put_back(taken) == [REQUEST]
    assert names(queue) == [b"1", b"new"]


def test_a_suspect_comes_alone() -> None:
    queue = filled(9, OTHER, OTHER, OTHER, OTHER)
    taken = queue.take(2)
    taken[1].suspect = True
    queue.put_back(taken)
    assert [len(queue.take(9)) for _ in range(3)] == [1, 1, 2]
