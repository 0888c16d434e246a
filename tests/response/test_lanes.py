from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from response import lanes
from response.breaker import FAILURES
from response.clock import now_us
from response.commands import DeliveryResult
from response.lanes import Lane
from response.outbox import Outbox
from response.outcome import DELIVERED, Outcome
from response.schedule import Schedule
from schemas.instant import MINUTE, SECOND
from store.rows import OutboxMessage
from tests.response.given import eventually, message

QUICK = Schedule((SECOND // 100,) * 20)
RETRY = Outcome("retry", "answered 500")


class Deliveries:
    """A receiver in memory: takes what it is told to take, and remembers every try."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.tries: list[str] = []
        self.sizes: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, messages: Sequence[OutboxMessage]) -> list[Outcome]:
        self.gate.wait(5)
        self.tries += [one.message_id for one in messages]
        self.sizes.append(len(messages))
        return [self.outcomes.pop(0) if self.outcomes else DELIVERED for _ in messages]


class Carried:
    """A lane and what it reports."""

    def __init__(self, lane: Lane, results: queue.Queue[DeliveryResult]) -> None:
        self.lane = lane
        self.results = results

    def result(self) -> DeliveryResult:
        return self.results.get(timeout=5)

    def state(self) -> str:
        return self.result().messages[0].state


Carry = Callable[..., Carried]


@pytest.fixture
def carry() -> Iterator[Carry]:
    """Starts lanes, and stops them after the test."""
    with ExitStack() as running:

        def start(deliveries: Deliveries, *messages: OutboxMessage, **settings: object) -> Carried:
            results: queue.Queue[DeliveryResult] = queue.Queue()
            lane = Lane("webhook:bank", deliveries, results.put_nowait, **{"schedule": QUICK, **settings})  # type: ignore[arg-type]
            lane.offer(messages)
            lane.start()
            running.callback(lane.stop)
            return Carried(lane, results)

        yield start


def test_a_delivered_message_is_reported_with_its_tries(carry: Carry) -> None:
    [done] = carry(Deliveries(), message()).result().messages
    assert (done.state, done.attempts, done.last_error) == ("delivered", 1, "")
    assert done.first_try_us is not None
    assert done.finished_us is not None


def test_a_failed_try_is_reported_and_repeated_under_the_same_id(carry: Carry) -> None:
    deliveries = Deliveries(RETRY, RETRY)
    carried = carry(deliveries, message())
    assert [carried.state() for _ in range(3)] == ["pending", "pending", "delivered"]
    assert deliveries.tries == ["m1", "m1", "m1"]


def test_after_the_last_try_it_is_parked(carry: Carry) -> None:
    carried = carry(Deliveries(RETRY, RETRY), message(), schedule=Schedule((SECOND // 100,)))
    carried.result()
    [done] = carried.result().messages
    assert (done.state, done.attempts, done.last_error) == ("parked", 2, "answered 500")


def test_a_later_message_of_a_key_waits_for_the_earlier(carry: Carry) -> None:
    deliveries = Deliveries(RETRY)
    carried = carry(deliveries, message("first"), message("second"))
    for _ in range(3):
        carried.result()
    assert deliveries.tries == ["first", "first", "second"]


def test_another_key_does_not_wait(carry: Carry) -> None:
    deliveries = Deliveries(RETRY)
    carried = carry(deliveries, message("first", key="a"), message("other", key="b"), schedule=Schedule((MINUTE,)))
    for _ in range(2):
        carried.result()
    assert deliveries.tries == ["first", "other"]


def test_a_slow_receiver_delays_no_other_lane(carry: Carry) -> None:
    slow = Deliveries()
    slow.gate.clear()
    carry(slow, message())
    assert carry(Deliveries(), message()).state() == "delivered"
    assert slow.tries == []
    slow.gate.set()


def test_what_will_never_be_taken_is_parked_alone(carry: Carry) -> None:
    carried = carry(Deliveries(Outcome("refused", "answered 422")), message("a"), message("b"))
    assert [carried.state(), carried.state()] == ["parked", "delivered"]


def test_a_receiver_that_is_gone_parks_its_lane_and_says_so_once(carry: Carry) -> None:
    deliveries = Deliveries(Outcome("gone", "answered 410"))
    carried = carry(deliveries, message("a"), message("b", key="b"))
    results = [carried.result(), carried.result()]
    assert [result.gone for result in results] == ["answered 410", ""]
    assert [result.messages[0].state for result in results] == ["parked", "parked"]
    assert deliveries.tries == ["a"]


def test_retry_after_pauses_the_whole_lane(carry: Carry) -> None:
    deliveries = Deliveries(Outcome("retry", "answered 429", SECOND // 5))
    begun = now_us()
    carried = carry(deliveries, message("a", key="a"), message("b", key="b"))
    for _ in range(3):
        carried.result()
    assert now_us() - begun >= SECOND // 5
    assert sorted(deliveries.tries) == ["a", "a", "b"]


def test_ten_failures_in_a_row_open_the_breaker(carry: Carry) -> None:
    deliveries = Deliveries(*[RETRY] * 50)
    carried = carry(deliveries, message())
    for _ in range(FAILURES):
        carried.result()
    with pytest.raises(queue.Empty):
        carried.results.get(timeout=0.1)
    assert len(deliveries.tries) == FAILURES
    assert carried.lane.opens_at() > now_us()


def test_an_outbox_tells_which_breakers_are_open(carry: Carry) -> None:
    carried = carry(Deliveries(*[RETRY] * FAILURES), message())
    outbox = Outbox([carried.lane, Lane("idle", Deliveries(), lambda _result: None)], lambda _result: None)
    assert outbox.open_breakers() == {}
    for _ in range(FAILURES):
        carried.result()
    assert list(outbox.open_breakers()) == [carried.lane.name]


def test_a_message_that_is_too_old_is_dropped_untried(carry: Carry) -> None:
    old = message()
    old.expires_us = now_us() - 1
    deliveries = Deliveries()
    [done] = carry(deliveries, old).result().messages
    assert (done.state, deliveries.tries) == ("dropped", [])


def test_a_receiver_that_raises_costs_one_try_and_not_the_lane(carry: Carry) -> None:
    class Broken(Deliveries):
        def __call__(self, messages: Sequence[OutboxMessage]) -> list[Outcome]:
            if not self.tries:
                self.tries.append("raised")
                raise RuntimeError("https://hooks.example/token")
            return super().__call__(messages)

    carried = carry(Broken(), message())
    [first] = carried.result().messages
    assert (first.state, first.last_error) == ("pending", "the delivery failed: RuntimeError")
    assert carried.state() == "delivered"


def test_a_result_is_offered_until_the_loop_takes_it(carry: Carry) -> None:
    taken: queue.Queue[DeliveryResult] = queue.Queue()
    full = [True, True, True]

    def submit(result: DeliveryResult) -> None:
        if full:
            full.pop()
            raise queue.Full
        taken.put(result)

    lane = Lane("webhook:bank", Deliveries(), submit)
    lane.start()
    lane.offer([message()])
    assert taken.get(timeout=5).messages[0].state == "delivered"
    lane.stop()


def test_a_cancelled_message_does_not_leave_and_the_next_of_its_key_does(carry: Carry) -> None:
    revoked, released = message("revoked"), message("released")
    deliveries = Deliveries(RETRY)
    carried = carry(deliveries, revoked, schedule=Schedule((MINUTE,)))
    carried.result()
    eventually(lambda: carried.lane.waiting() == 1)
    carried.lane.offer([released])
    carried.lane.cancel([revoked])
    assert carried.state() == "delivered"
    assert deliveries.tries == ["revoked", "released"]


def test_many_messages_leave_in_one_call_where_the_receiver_takes_them(carry: Carry) -> None:
    deliveries = Deliveries()
    result = carry(deliveries, *(message(f"m{n}", key=f"k{n}") for n in range(30)), at_once=20).result()
    assert len(result.messages) == 20
    assert deliveries.sizes[0] == 20


def test_what_exceeds_its_memory_is_fetched_from_the_store_in_order(carry: Carry) -> None:
    stored = [message(f"m{n:02}") for n in range(25)]
    done: set[str] = set()

    def pending(lane: str, limit: int) -> list[OutboxMessage]:
        return [one for one in stored if one.message_id not in done][:limit]

    deliveries = Deliveries()
    carried = carry(deliveries, *stored[:20], capacity=4, load=pending)
    carried.lane.offer(stored[20:])
    largest = 0
    for _ in stored:
        [one] = carried.result().messages
        done.add(one.message_id)
        carried.lane.committed([one.message_id])
        largest = max(largest, carried.lane.waiting())
    assert deliveries.tries == [one.message_id for one in stored]
    assert largest <= 4


@given(
    keys=st.lists(st.sampled_from("abc"), min_size=1, max_size=12),
    failures=st.lists(st.booleans(), max_size=40),
    at_once=st.integers(1, 4),
)
@settings(max_examples=30, deadline=None)
def test_each_message_leaves_and_keys_keep_their_order(keys: list[str], failures: list[bool], at_once: int) -> None:
    """Eight failures in a row at most, so that the breaker stays closed."""
    outcomes = [RETRY if failed and place % 9 else DELIVERED for place, failed in enumerate(failures)]
    deliveries = Deliveries(*outcomes)
    results: queue.Queue[DeliveryResult] = queue.Queue()
    lane = Lane(
        "x", deliveries, results.put_nowait, schedule=Schedule(tuple(3_000 * n for n in range(1, 60))), at_once=at_once
    )
    messages = [message(f"{place:02}", key=key) for place, key in enumerate(keys)]
    lane.offer(messages)
    lane.start()
    delivered: list[OutboxMessage] = []
    while len(delivered) < len(messages):
        delivered += [one for one in results.get(timeout=5).messages if one.state == "delivered"]
    lane.stop()
    for key in set(keys):
        order = [one.message_id for one in delivered if one.ordering_key == key]
        assert order == [one.message_id for one in messages if one.ordering_key == key]


def test_stopping_waits_for_nobody(carry: Carry) -> None:
    hanging = Deliveries()
    hanging.gate.clear()
    carried = carry(hanging, message())
    begun = now_us()
    carried.lane.stop(0.05)
    assert now_us() - begun < SECOND
    hanging.gate.set()


def test_a_store_that_cannot_be_read_costs_a_pause_and_not_the_lane(
    carry: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "_FAULT_PAUSE_S", 0.01)
    stored = [message(f"m{n}") for n in range(3)]
    failures = [RuntimeError("out of memory"), RuntimeError("out of memory")]

    def load(lane: str, limit: int) -> list[OutboxMessage]:
        if failures:
            raise failures.pop()
        return stored

    carried = carry(Deliveries(), load=load)
    assert [carried.state() for _ in stored] == ["delivered"] * 3


def test_a_loop_that_raises_gets_the_result_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "_FAULT_PAUSE_S", 0.01)
    taken: queue.Queue[DeliveryResult] = queue.Queue()
    failures = [RuntimeError("no such loop")]

    def submit(result: DeliveryResult) -> None:
        if failures:
            raise failures.pop()
        taken.put(result)

    deliveries = Deliveries()
    lane = Lane("webhook:bank", deliveries, submit)
    lane.offer([message("m1"), message("m2")])
    lane.start()
    assert [taken.get(timeout=5).messages[0].message_id for _ in range(2)] == ["m1", "m2"]
    assert deliveries.tries == ["m1", "m2"]
    lane.stop()


def test_a_receiver_that_answers_for_too_few_messages_costs_one_try(carry: Carry) -> None:
    class Short(Deliveries):
        def __call__(self, messages: Sequence[OutboxMessage]) -> list[Outcome]:
            return super().__call__(messages) if self.tries else super().__call__(messages)[1:]

    carried = carry(Short(), message())
    assert [carried.state(), carried.state()] == ["pending", "delivered"]


def test_a_turn_that_is_cut_short_loses_no_message(carry: Carry, monkeypatch: pytest.MonkeyPatch) -> None:
    class BrokenOnce(random.Random):
        broken = True

        def uniform(self, a: float, b: float) -> float:
            if self.broken:
                self.broken = False
                raise RuntimeError("no chance")
            return super().uniform(a, b)

    monkeypatch.setattr(lanes, "_FAULT_PAUSE_S", 0.01)
    carried = carry(Deliveries(RETRY), message("m1"), message("m2"), chance=BrokenOnce())
    assert [carried.result().messages[0].message_id for _ in range(2)] == ["m1", "m2"]


def test_a_call_that_fails_is_one_failure_however_many_messages_it_carried(carry: Carry) -> None:
    many = [message(f"m{n}", key=f"k{n}") for n in range(FAILURES * 2)]
    deliveries = Deliveries(*[RETRY] * len(many))
    carried = carry(deliveries, *many, at_once=len(many))
    first = carried.result()
    assert {one.state for one in first.messages} == {"pending"}
    done, troubles = 0, [first.trouble]
    while done < len(many):
        result = carried.result()
        done += len(result.messages)
        troubles.append(result.trouble)
    # An open breaker would have been told.
    assert set(troubles) == {""}


PATIENT = Schedule((SECOND // 100, 5 * MINUTE))


def test_a_message_that_has_used_up_its_quick_tries_is_trouble(carry: Carry) -> None:
    carried = carry(Deliveries(RETRY, RETRY), message(), schedule=PATIENT)
    assert [carried.result().trouble for _ in range(2)] == ["", "answered 500"]


def test_a_receiver_that_asks_for_a_long_pause_is_trouble(carry: Carry) -> None:
    carried = carry(Deliveries(Outcome("retry", "answered 503", 10 * MINUTE)), message())
    assert carried.result().trouble == "answered 503"


def test_an_open_breaker_is_trouble_and_told_once(carry: Carry) -> None:
    many = [message(f"m{n:02}", key=f"k{n}") for n in range(FAILURES)]
    carried = carry(Deliveries(*[RETRY] * FAILURES), *many, schedule=Schedule((MINUTE, MINUTE)))
    assert [carried.result().trouble for _ in many] == [""] * (FAILURES - 1) + ["answered 500"]


def test_after_a_success_trouble_is_news_again(carry: Carry) -> None:
    deliveries = Deliveries(RETRY, RETRY, DELIVERED, RETRY)
    carried = carry(deliveries, *(message(f"m{n}", key=f"k{n}") for n in range(4)), schedule=Schedule((5 * MINUTE,)))
    assert [carried.result().trouble for _ in range(4)] == ["answered 500", "", "", "answered 500"]


def test_no_more_is_fetched_than_fits_and_nothing_is_left_behind(carry: Carry) -> None:
    stored = [message(f"m{n:02}", key=f"k{n}") for n in range(11)]
    done: set[str] = set()
    asked: list[int] = []

    def load(lane: str, limit: int) -> list[OutboxMessage]:
        asked.append(limit)
        return [one for one in stored if one.message_id not in done][:limit]

    # It takes all that fits at once, so that nothing is held when it looks again.
    deliveries = Deliveries()
    carried = carry(deliveries, at_once=4, capacity=4, load=load)
    while len(done) < len(stored):
        ids = [one.message_id for one in carried.result().messages]
        done.update(ids)
        carried.lane.committed(ids)
    assert asked[0] == 4
    assert deliveries.tries == [one.message_id for one in stored]


def test_what_is_cancelled_while_the_store_is_read_does_not_leave(carry: Carry) -> None:
    reading, may_go_on = threading.Event(), threading.Event()
    revoked, other = message("revoked"), message("other", key="o")

    def load(lane: str, limit: int) -> list[OutboxMessage]:
        reading.set()
        may_go_on.wait(5)
        return [revoked, other]

    deliveries = Deliveries()
    carried = carry(deliveries, load=load)
    assert reading.wait(5)
    carried.lane.cancel([revoked])
    may_go_on.set()
    assert carried.result().messages[0].message_id == "other"
    assert deliveries.tries == ["other"]
