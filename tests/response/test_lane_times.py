"""When a lane tries again, over a day of its clock: by the schedule from the first try, whatever the receiver does."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from response import outbox
from response.chat import Chat
from response.commands import DeliveryResult
from response.lanes import Lane
from response.outcome import DELIVERED, Outcome
from response.schedule import STANDARD, URGENT, Schedule
from response.targets.webhook import WebhookTarget
from schemas.alert import Severity
from schemas.instant import DAY, HOUR, MINUTE, SECOND
from store.rows import OutboxMessage
from tests.response.given import message
from tests.response.receivers import Receiver, answers
from tests.response.theft import Start, steal

START = 1_790_000_000_000_000
# As the standard and the design have them, written out once more: these tests hold the code against them.
LATER = (5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
STANDARD_OFFSETS_US = (5 * SECOND, *LATER)
URGENT_OFFSETS_US = (SECOND // 5, SECOND, 5 * SECOND, 15 * SECOND, 60 * SECOND, *LATER)
FAILURES, FIRST_PAUSE_US, LONGEST_PAUSE_US = 10, 5 * SECOND, MINUTE
LONGEST_WAIT_US = HOUR
JITTER = 0.1
SOONEST_US = SECOND // 5
FAILED = Outcome("retry", "answered 500")


class Time:
    """The clock of a lane, which passes while the lane waits, and while a receiver takes its time."""

    def __init__(self) -> None:
        self.now_us = START

    def __call__(self) -> int:
        return self.now_us


class Waiting(threading.Condition):
    """Lets the time pass instead of waiting."""

    def __init__(self, time: Time) -> None:
        super().__init__()
        self._time = time

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self._time.now_us += max(1, round(timeout * SECOND))
        return False


@dataclass
class Try:
    """One try of a message, from when to when, and what came of it."""

    message_id: str
    began_us: int
    ended_us: int
    outcome: Outcome


@dataclass
class Day:
    """A lane with some messages, run to its end in the test's own thread, on a clock of its own.

    Attributes:
        tries: in their order.
        ended: the messages as they were reported at last.
    """

    tries: list[Try] = field(default_factory=list)
    ended: dict[str, OutboxMessage] = field(default_factory=dict)

    def of(self, message_id: str) -> list[Try]:
        return [one for one in self.tries if one.message_id == message_id]


def live(
    keys: Sequence[str],
    schedule: Schedule,
    outcomes: Sequence[tuple[Outcome, int]],
    seed: int = 1,
    after: Outcome = FAILED,
) -> Day:
    """Run a lane.

    Args:
        keys: the ordering keys of the messages.
        schedule: of the tries.
        outcomes: of the tries, and how many microseconds each takes; `after` when they are used up.
        seed: of the jitter.
    """
    day, time, script = Day(), Time(), iter(outcomes)

    def deliver(messages: Sequence[OutboxMessage]) -> list[Outcome]:
        (one,) = messages
        outcome, takes_us = next(script, (after, SECOND // 100))
        began_us = time.now_us
        time.now_us += takes_us
        day.tries.append(Try(one.message_id, began_us, time.now_us, outcome))
        return [outcome]

    def submit(result: DeliveryResult) -> None:
        day.ended.update({one.message_id: one for one in result.messages if one.state != "pending"})
        lane.committed(one.message_id for one in result.messages)
        if len(day.ended) == len(keys):
            lane._stopping.set()

    lane = Lane("x", deliver, submit, schedule=schedule, clock=time, chance=random.Random(seed))
    lane._changed = Waiting(time)
    lane.offer([message(f"m{number:02}", key=key) for number, key in enumerate(keys)])
    lane._run()
    return day


def offsets(day: Day, message_id: str) -> list[int]:
    tries = day.of(message_id)
    return [one.began_us - tries[0].began_us for one in tries]


SCHEDULES = pytest.mark.parametrize(
    ("schedule", "wanted"),
    [(URGENT, URGENT_OFFSETS_US), (STANDARD, STANDARD_OFFSETS_US)],
    ids=["revocations", "others"],
)


@SCHEDULES
@given(seed=st.integers())
@settings(max_examples=30)
def test_who_never_takes_it_is_asked_at_the_standards_times(
    schedule: Schedule, wanted: tuple[int, ...], seed: int
) -> None:
    day = live(["k"], schedule, [], seed)
    made = offsets(day, "m00")
    assert len(made) == 1 + len(wanted)
    for offset, when in zip(wanted, made[1:], strict=True):
        assert (1 - JITTER) * offset <= when <= (1 + JITTER) * offset + 1
    assert day.ended["m00"].state == "parked"


def test_jitter_spreads_a_burst_over_a_fifth_of_each_offset() -> None:
    """What fails together must not come again together."""
    last = [offsets(live(["k"], STANDARD, [], seed), "m00")[-1] / DAY for seed in range(200)]
    assert min(last) < 0.93
    assert max(last) > 1.07
    assert len(set(last)) == 200


kinds = st.one_of(
    st.just(FAILED),
    st.just(FAILED),
    st.builds(Outcome, st.just("retry"), st.just("answered 429"), st.integers(0, 3 * HOUR)),
    st.just(DELIVERED),
    st.just(Outcome("refused", "answered 422")),
)
took = st.one_of(st.integers(0, SECOND // 10), st.integers(0, 15 * SECOND))
scripts = st.lists(st.tuples(kinds, took), max_size=60)


@SCHEDULES
@given(keys=st.lists(st.sampled_from("abcd"), min_size=1, max_size=8), script=scripts, seed=st.integers())
@settings(max_examples=60)
def test_whatever_the_receiver_does_each_message_ends_by_the_rules(
    schedule: Schedule, wanted: tuple[int, ...], keys: list[str], script: list[tuple[Outcome, int]], seed: int
) -> None:
    day = live(keys, schedule, script, seed)
    for message_id, ended in day.ended.items():
        tries = day.of(message_id)
        assert ended.attempts == len(tries) <= 1 + len(wanted)
        assert ended.state == ("delivered" if tries[-1].outcome.kind == "ok" else "parked")
        assert ended.first_try_us == tries[0].began_us
        assert all(one.outcome.kind == "retry" for one in tries[:-1])


@SCHEDULES
@given(keys=st.lists(st.sampled_from("abcd"), min_size=1, max_size=8), script=scripts, seed=st.integers())
@settings(max_examples=60)
def test_no_try_comes_before_its_time(
    schedule: Schedule, wanted: tuple[int, ...], keys: list[str], script: list[tuple[Outcome, int]], seed: int
) -> None:
    day = live(keys, schedule, script, seed)
    for message_id in day.ended:
        tries = day.of(message_id)
        for offset, before, one in zip(wanted, tries, tries[1:], strict=False):
            due_us = tries[0].began_us + (1 - JITTER) * offset
            assert one.began_us >= due_us or one.began_us >= before.ended_us + SOONEST_US


@given(script=st.lists(st.tuples(st.just(FAILED), took), min_size=5, max_size=5), seed=st.integers())
@settings(max_examples=60)
def test_in_the_first_minute_a_slow_receiver_is_asked_again_at_once(
    script: list[tuple[Outcome, int]], seed: int
) -> None:
    tries = live(["k"], URGENT, script, seed).of("m00")
    for offset, before, one in zip(URGENT_OFFSETS_US[:5], tries, tries[1:], strict=False):
        due_us = tries[0].began_us + (1 + JITTER) * offset
        assert one.began_us <= max(due_us, before.ended_us + SOONEST_US) + 1


@given(script=scripts, seed=st.integers(), keys=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8))
@settings(max_examples=60)
def test_who_asks_for_patience_is_left_alone_so_long_and_an_hour_at_most(
    script: list[tuple[Outcome, int]], seed: int, keys: list[str]
) -> None:
    tries = live(keys, URGENT, script, seed).tries
    for before, one in pairwise(tries):
        if before.outcome.retry_after_us is not None:
            assert one.began_us >= before.ended_us + min(before.outcome.retry_after_us, LONGEST_WAIT_US)


@given(script=scripts, seed=st.integers(), keys=st.lists(st.sampled_from("abcdefgh"), min_size=4, max_size=20))
@settings(max_examples=60)
def test_after_ten_failures_in_a_row_there_are_probes_alone(
    script: list[tuple[Outcome, int]], seed: int, keys: list[str]
) -> None:
    failed, pause_us = 0, FIRST_PAUSE_US
    tries = live(keys, URGENT, script, seed).tries
    for before, one in pairwise(tries):
        if before.outcome.kind != "retry":
            failed, pause_us = 0, FIRST_PAUSE_US
        elif before.outcome.retry_after_us is None:
            failed += 1
            if failed > FAILURES:
                pause_us = min(2 * pause_us, LONGEST_PAUSE_US)
            if failed >= FAILURES:
                assert one.began_us >= before.ended_us + pause_us


@given(script=scripts, seed=st.integers(), keys=st.lists(st.sampled_from("abc"), min_size=2, max_size=10))
@settings(max_examples=60)
def test_the_later_message_of_a_session_waits_for_the_earlier(
    script: list[tuple[Outcome, int]], seed: int, keys: list[str]
) -> None:
    tries = live(keys, URGENT, script, seed).tries
    for key in set(keys):
        own = {f"m{number:02}" for number, one in enumerate(keys) if one == key}
        order = list(dict.fromkeys(one.message_id for one in tries if one.message_id in own))
        assert order == sorted(own)
        asked = [one.message_id for one in tries if one.message_id in own]
        assert asked == sorted(asked)


def test_a_day_after_its_first_try_it_is_parked_at_the_latest() -> None:
    (last, *_) = reversed(live(["k"], URGENT, []).of("m00"))
    assert last.began_us - START <= (1 + JITTER) * DAY


def test_a_revocation_that_is_parked_after_its_last_try_is_told(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "URGENT", Schedule((SECOND // 100, SECOND // 50)))
    receiver.behaviours = [answers(500)]
    with Receiver() as chat:
        one = pipeline(targets=[bank], chats=[Chat(f"json://127.0.0.1:{chat.port}/", Severity.MEDIUM)])
        steal(one)
        one.until(lambda: any(b"did not take message" in call.body for call in chat.calls))
    [told] = [call.body.decode() for call in chat.calls if b"did not take message" in call.body]
    assert "after 3 tries (answered 500); it is parked" in told
    assert one.states() == ["failed"]
