from __future__ import annotations

import statistics
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessionwatch_emitter.sampling import Sample, Sampler

SECOND = 1_000_000


class Clocked:
    """A sampler with a clock, so that a test reads as a course of seconds."""

    def __init__(self, interval: float = 10, max_sessions: int = 100) -> None:
        self.sampler = Sampler(int(interval * SECOND), max_sessions)

    def use(self, at: float, session: str = "s", facts: str = "home", *, unsampled: bool = False) -> list[Sample]:
        now_us = int(at * SECOND)
        return self.sampler.use(session, facts, {"facts": facts}, now_us, now_us, unsampled=unsampled)

    def due(self, at: float) -> list[Sample]:
        return self.sampler.due(int(at * SECOND))


def counts(samples: list[Sample]) -> list[int]:
    return [sample.count for sample in samples]


def test_the_first_use_is_sent_at_once() -> None:
    assert counts(Clocked().use(0)) == [1]


def test_unchanged_uses_within_the_interval_are_swallowed() -> None:
    clocked = Clocked()
    clocked.use(0)
    assert clocked.use(1) == []


def test_what_was_swallowed_is_sent_at_the_intervals_end_without_a_further_use() -> None:
    clocked = Clocked()
    for second in range(4):
        clocked.use(second)
    assert clocked.sampler.next_due_us() == 10 * SECOND
    assert clocked.due(9.9) == []
    assert counts(clocked.due(10)) == [3]


def test_it_carries_the_time_of_the_last_use_it_stands_for() -> None:
    clocked = Clocked()
    clocked.use(0)
    clocked.use(3)
    clocked.use(7)
    assert clocked.due(10)[0].time_us == 7 * SECOND


def test_a_use_after_the_interval_is_sent_at_once() -> None:
    clocked = Clocked()
    clocked.use(0)
    assert counts(clocked.use(11)) == [1]


def test_a_busy_session_is_told_once_an_interval() -> None:
    clocked = Clocked()
    told = [clocked.use(tenth / 10) + clocked.due(tenth / 10) for tenth in range(1000)]
    assert [sample.count for samples in told for sample in samples] == [1] + [100] * 9


def test_a_change_of_facts_sends_the_swallowed_first_and_then_the_new_one() -> None:
    clocked = Clocked()
    for second in range(3):
        clocked.use(second)
    before, changed = clocked.use(3, facts="elsewhere")
    assert (before.count, before.fields) == (2, {"facts": "home"})
    assert (changed.count, changed.fields) == (1, {"facts": "elsewhere"})


def test_an_unsampled_use_sends_the_swallowed_first_and_then_itself() -> None:
    clocked = Clocked()
    clocked.use(0)
    clocked.use(1)
    assert counts(clocked.use(2, unsampled=True)) == [1, 1]


def test_the_first_use_after_the_sessions_end_is_sent_at_once() -> None:
    clocked = Clocked()
    clocked.use(0)
    clocked.use(1)
    assert counts(clocked.sampler.end("s", 2 * SECOND)) == [1]
    assert counts(clocked.use(2)) == [1]


def test_ending_a_users_sessions_leaves_the_others_alone() -> None:
    clocked = Clocked()
    clocked.use(0, "a", "alice")
    clocked.use(0, "b", "bob")
    clocked.sampler.end_where(lambda facts: facts == "alice", SECOND)
    assert counts(clocked.use(1, "a", "alice")) == [1]
    assert clocked.use(1, "b", "bob") == []


def test_a_first_use_has_no_rhythm() -> None:
    (first,) = Clocked().use(0)
    assert (first.gap_min_ms, first.gap_dev_ms) == (None, None)


def test_one_gap_has_no_deviation() -> None:
    clocked = Clocked()
    clocked.use(0)
    (second,) = clocked.use(12)
    assert (second.gap_min_ms, second.gap_dev_ms) == (12_000, None)


def test_a_machines_rhythm_shows_as_no_deviation() -> None:
    clocked = Clocked()
    for second in range(5):
        clocked.use(second)
    (sample,) = clocked.due(10)
    assert (sample.gap_min_ms, sample.gap_dev_ms) == (1000, 0)


def test_when_too_many_sessions_are_known_the_oldest_is_sent_and_forgotten() -> None:
    clocked = Clocked(max_sessions=2)
    clocked.use(0, "old")
    clocked.use(1, "old")
    clocked.use(2, "newer")
    evicted, first = clocked.use(3, "newest")
    assert (evicted.session_id, evicted.count, first.session_id) == ("old", 1, "newest")
    assert len(clocked.sampler) == 2


def test_without_an_interval_every_use_is_sent() -> None:
    clocked = Clocked(interval=0)
    assert [counts(clocked.use(tenth / 10)) for tenth in range(3)] == [[1], [1], [1]]


@pytest.mark.parametrize("limit", [1, 3])
def test_what_is_due_comes_in_portions(limit: int) -> None:
    sampler = Sampler(SECOND)
    for number in range(5):
        for at in (0, 1):
            sampler.use(str(number), None, {}, at, at)
    portions = [len(sampler.due(SECOND, limit)) for _ in range(5)]
    assert max(portions) == limit
    assert sum(portions) == 5


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["use", "use", "use", "due", "end", "drain"]),
        st.sampled_from("abcd"),
        st.sampled_from(["home", "elsewhere"]),
        st.integers(0, 15_000_000),
    ),
    max_size=60,
)


@given(steps=STEPS, max_sessions=st.integers(1, 4))
def test_the_counts_of_what_is_sent_add_up_to_the_uses(
    steps: list[tuple[str, str, str, int]], max_sessions: int
) -> None:
    sampler = Sampler(10 * SECOND, max_sessions)
    used: Counter[str] = Counter()
    told: list[Sample] = []
    now_us = 0
    for kind, session, facts, later_us in steps:
        now_us += later_us
        if kind == "use":
            used[session] += 1
            told += sampler.use(session, facts, {}, now_us, now_us)
        elif kind == "due":
            told += sampler.due(now_us)
        elif kind == "end":
            told += sampler.end(session, now_us)
        else:
            told += sampler.drain(now_us)
    told += sampler.drain(now_us)
    counted: Counter[str] = Counter()
    for sample in told:
        counted[sample.session_id] += sample.count
    assert counted == used


@given(st.lists(st.integers(0, 1_000_000), min_size=2, max_size=50))
def test_the_rhythm_is_that_of_the_gaps(gaps_us: list[int]) -> None:
    sampler = Sampler(1000 * SECOND)
    now_us = 0
    sampler.use("s", None, {}, now_us, now_us)
    for gap_us in gaps_us:
        now_us += gap_us
        sampler.use("s", None, {}, now_us, now_us)
    (sample,) = sampler.drain(now_us)
    gaps_ms = [gap_us / 1000 for gap_us in gaps_us]
    assert sample.gap_min_ms == pytest.approx(min(gaps_ms), abs=0.001)
    assert sample.gap_dev_ms == pytest.approx(statistics.pstdev(gaps_ms), abs=0.01)


@given(st.lists(st.integers(0, 3_000_000), max_size=60))
def test_nothing_stays_swallowed_past_the_interval(gaps_us: list[int]) -> None:
    sampler = Sampler(10 * SECOND)
    now_us = 0
    for gap_us in gaps_us:
        now_us += gap_us
        sampler.use("s", None, {}, now_us, now_us)
    sampler.due(now_us + 10 * SECOND)
    assert sampler.drain(now_us + 10 * SECOND) == []


def test_a_session_that_was_ended_and_goes_on_is_told_each_second() -> None:
    clocked = Clocked()
    clocked.use(0)
    clocked.sampler.end("s", 1 * SECOND)
    told = [clocked.use(tenth / 10) + clocked.due(tenth / 10) for tenth in range(11, 51)]
    assert len([sample for samples in told for sample in samples]) == 4


def test_a_session_that_another_process_has_ended_is_told_each_second() -> None:
    clocked = Clocked()
    clocked.use(0)
    assert clocked.sampler.use("s", "home", {}, SECOND // 2, SECOND // 2, ended=True) == []
    assert counts(clocked.due(1)) == [1]


def test_a_session_that_begins_anew_is_an_ordinary_one_again() -> None:
    clocked = Clocked()
    clocked.sampler.end("s", 0)
    clocked.sampler.begin("s", 1 * SECOND)
    clocked.use(2)
    assert clocked.use(4) == []
    assert clocked.due(5) == []
