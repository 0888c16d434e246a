from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from response.breaker import FAILURES, FIRST_PAUSE_US, LONGEST_PAUSE_US, Breaker
from response.schedule import STANDARD, STANDARD_OFFSETS_US, URGENT
from schemas.instant import HOUR, MINUTE, SECOND

START = 1_790_000_000_000_000


class Even(random.Random):
    """No jitter."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def offsets(schedule, try_takes_us: int = 0) -> list[int]:  # type: ignore[no-untyped-def]
    """The instants of all tries of a message that always fails, from the first."""
    now, tries = START, [0]
    while True:
        due = schedule.next_try(len(tries), START, now + try_takes_us, Even())
        if due is None:
            return tries
        now = due
        tries.append(now - START)


def test_revocations_are_tried_again_within_the_first_second() -> None:
    expected = [0, SECOND // 5, SECOND, 5 * SECOND, 15 * SECOND, 60 * SECOND, 5 * MINUTE, 30 * MINUTE]
    assert offsets(URGENT)[:8] == expected
    assert offsets(URGENT)[-1] == 24 * HOUR


def test_others_follow_the_standard() -> None:
    assert offsets(STANDARD) == [0, *STANDARD_OFFSETS_US]


def test_a_receiver_that_hangs_is_tried_again_at_once_in_the_first_minute() -> None:
    tries = offsets(URGENT, try_takes_us=15 * SECOND)
    assert tries[:4] == [0, 15_200_000, 30_400_000, 45_600_000]


def test_tries_missed_while_the_pipeline_was_down_are_left_out() -> None:
    due = STANDARD.next_try(2, START, START + 3 * HOUR, Even())
    assert due == START + 5 * HOUR


class Early(Even):
    """As early as the jitter may make it."""

    def uniform(self, a: float, b: float) -> float:
        return a


def test_a_try_that_only_the_jitter_has_put_into_the_past_is_made() -> None:
    """The ninth came at 22 h of 20, and the last would come at 21.6 h of 24."""
    assert STANDARD.next_try(9, START, START + 22 * HOUR, Early()) == START + 24 * HOUR


@given(st.integers(1, 20), st.integers(0, 30 * HOUR), st.integers())
def test_the_next_try_is_never_in_the_past(attempts: int, elapsed: int, seed: int) -> None:
    due = URGENT.next_try(attempts, START, START + elapsed, random.Random(seed))
    assert due is None or due > START + elapsed


def test_jitter_spreads_the_tries() -> None:
    chance = random.Random(1)
    assert len({STANDARD.next_try(2, START, START, chance) for _ in range(10)}) == 10


def test_the_breaker_opens_after_ten_failures_in_a_row() -> None:
    breaker = Breaker()
    assert [breaker.failed(START) for _ in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    assert breaker.opens_at() == START + FIRST_PAUSE_US


def test_a_success_in_between_starts_the_count_anew() -> None:
    breaker = Breaker()
    for _ in range(FAILURES - 1):
        breaker.failed(START)
    breaker.succeeded()
    breaker.failed(START)
    assert not breaker.is_open


def test_a_failed_probe_makes_the_pause_longer_up_to_a_minute() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed(START)
    pauses = []
    for _ in range(6):
        breaker.failed(START)
        pauses.append(breaker.opens_at() - START)
    assert pauses == sorted(pauses)
    assert pauses[0] == 2 * FIRST_PAUSE_US
    assert pauses[-1] == LONGEST_PAUSE_US


def test_a_successful_probe_closes_it() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed(START)
    breaker.succeeded()
    assert (breaker.is_open, breaker.opens_at()) == (False, 0)
