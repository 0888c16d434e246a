"""The sliding counters against a naive recount."""

from __future__ import annotations

import copy
from collections import Counter

import msgspec
from hypothesis import given as for_all
from hypothesis import strategies as st

from detectors.windows import COMPACT, SLOTS, GroupedTally, Rhythm, Span, Tally, WindowMemory, compact
from schemas.instant import DAY, HOUR, MINUTE, SECOND

SPAN = Span(10 * MINUTE, cap=3)

SEEN = st.tuples(st.integers(0, 1_500), st.sampled_from("abcdef"), st.integers(1, 3))
STREAM = st.lists(SEEN, max_size=80)


class Remembered(WindowMemory):
    """A memory of one tally."""

    tally: Tally = msgspec.field(default_factory=Tally)


def counted(stream: list[tuple[int, str, int]], span: Span = SPAN, most: int = 10_000) -> Tally:
    tally = Tally(most=most)
    for at, item, weight in stream:
        tally.add(span, at * SECOND, item, weight)
    return tally


def recount(stream: list[tuple[int, str, int]], now_s: int, span: Span = SPAN) -> Counter[str]:
    """Count everything again whose slot is inside the window that ends with the slot of `now_s`."""
    newest = span.slot(now_s * SECOND)
    counts: Counter[str] = Counter()
    for at, item, weight in stream:
        if newest - SLOTS < span.slot(at * SECOND) <= newest:
            counts[item] += weight
    return counts


def agrees(tally: Tally, counts: Counter[str], span: Span = SPAN) -> None:
    light = [count for count in counts.values() if count <= span.cap]
    assert tally.counts == dict(counts)
    assert tally.total == sum(counts.values())
    assert (tally.light, tally.light_total) == (len(light), sum(light))
    assert tally.entries == sum(len(weights) for _, weights in tally.slots)


@for_all(STREAM)
def test_in_order_it_equals_a_naive_recount(stream: list[tuple[int, str, int]]) -> None:
    stream.sort()
    for length in range(1, len(stream) + 1):
        agrees(counted(stream[:length]), recount(stream[:length], stream[length - 1][0]))


@for_all(STREAM)
def test_in_any_order_it_equals_a_naive_recount_at_the_newest(stream: list[tuple[int, str, int]]) -> None:
    newest = max((at for at, _, _ in stream), default=0)
    agrees(counted(stream), recount(stream, newest))


@for_all(STREAM, st.integers(0, 3_000))
def test_time_alone_empties_it(stream: list[tuple[int, str, int]], later: int) -> None:
    tally = counted(stream)
    newest = max((at for at, _, _ in stream), default=0)
    tally.advance(SPAN, (newest + later) * SECOND)
    agrees(tally, recount(stream, newest + later))


@for_all(STREAM, STREAM)
def test_a_forgotten_item_was_never_there(
    before: list[tuple[int, str, int]], after: list[tuple[int, str, int]]
) -> None:
    tally = counted(sorted(before))
    known = "a" in tally.counts
    assert tally.forget(SPAN, "a") is known
    for at, item, weight in after:
        tally.add(SPAN, (1_500 + at) * SECOND, item, weight)
    rest = [seen for seen in before if seen[1] != "a"]
    late = [(1_500 + at, item, weight) for at, item, weight in after]
    newest = max((at for at, _, _ in [*before, *late]), default=0)
    agrees(tally, recount([*rest, *late], newest))


@for_all(STREAM, STREAM)
def test_a_copy_is_not_touched_by_what_happens_to_the_original(
    before: list[tuple[int, str, int]], after: list[tuple[int, str, int]]
) -> None:
    memory = Remembered(counted(before))
    kept = copy.copy(memory)
    stored = msgspec.msgpack.encode(kept)
    for at, item, weight in after:
        memory.tally.add(SPAN, at * SECOND, item, weight)
        memory.tally.forget(SPAN, "b")
    assert msgspec.msgpack.encode(kept) == stored


@for_all(STREAM)
def test_it_is_the_same_after_storing(stream: list[tuple[int, str, int]]) -> None:
    memory = Remembered(counted(stream))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(memory), type=Remembered) == memory


def test_a_full_tally_lets_the_oldest_slots_go() -> None:
    tally = counted([(at * 10, f"u{at}", 1) for at in range(8)], most=5)
    assert list(tally.counts) == ["u3", "u4", "u5", "u6", "u7"]


def test_one_slot_alone_holds_no_more_than_the_bound() -> None:
    tally = counted([(0, f"u{number}", 1) for number in range(8)], most=5)
    assert (len(tally), tally.total, tally.entries) == (5, 5, 5)


def test_a_flood_of_one_item_pushes_nobody_out() -> None:
    span = Span(10 * MINUTE, cap=6)
    others = [(at, f"u{at}", 1) for at in range(20)]
    flood = [(20 + at // 100, "loud", 1) for at in range(50_000)]
    tally = counted([*others, *flood], span, most=100)
    assert tally.light == 20
    assert tally.entries <= 20 + SLOTS


def test_adding_costs_the_same_however_many_are_inside() -> None:
    """Changes of a count are what adding and letting go cost: two an event, however large the crowd."""
    changes = 0

    class Watched(Tally):
        def _change(self, span: Span, item: str, weight: int) -> None:
            nonlocal changes
            changes += 1
            super()._change(span, item, weight)

    tally = Watched()
    for at in range(5_000):
        tally.add(SPAN, at * SECOND // 2, f"u{at}")
    assert changes <= 2 * 5_000


def noted(*hours: tuple[int, int]) -> Rhythm:
    rhythm = Rhythm()
    for hour, weight in hours:
        rhythm.note((1_000 + hour) * HOUR, weight, learning_us=DAY, factor=5.0, least=25)
    return rhythm


def test_a_rhythm_says_nothing_before_it_has_learned() -> None:
    assert noted((0, 10), (23, 10)).usual is None
    assert noted((0, 24), (24, 1)).usual == 24


def test_hours_without_anything_count_as_such() -> None:
    assert noted((0, 25), (25, 1)).usual == 1


def test_the_same_hour_on_earlier_days_may_be_busier_than_the_mean() -> None:
    assert noted((0, 0), (9, 100), (20, 1), (33, 1)).usual == 100


def test_an_attack_does_not_become_the_measure_of_the_next() -> None:
    quiet = [(hour, 10) for hour in range(30)]
    attacked = noted(*quiet, (30, 100_000), (54, 1))
    assert attacked.usual is not None
    assert attacked.usual <= 50


def test_a_rhythm_holds_a_week() -> None:
    assert len(noted(*((hour, 1) for hour in range(500))).hours) <= 7 * 24 + 1


@for_all(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 50)), max_size=60))
def test_a_copied_rhythm_stays_as_it_was(hours: list[tuple[int, int]]) -> None:
    rhythm = noted(*hours)
    kept = copy.copy(rhythm)
    stored = msgspec.msgpack.encode(kept)
    rhythm.note(1_500 * HOUR, 3, learning_us=DAY, factor=5.0, least=25)
    assert msgspec.msgpack.encode(kept) == stored


PAIR = st.tuples(st.integers(0, 1_500), st.sampled_from(["siteAAAAu1", "siteAAAAu2", "siteBBBBu1"]), st.integers(1, 3))


@for_all(st.lists(PAIR, max_size=60))
def test_a_group_counts_its_light_items(stream: list[tuple[int, str, int]]) -> None:
    tally = GroupedTally()
    for at, item, weight in stream:
        tally.add(SPAN, at * SECOND, item, weight)
    newest = max((at for at, _, _ in stream), default=0)
    light = [item for item, count in recount(stream, newest).items() if count <= SPAN.cap]
    assert tally.groups == dict(Counter(item[:COMPACT] for item in light))


def test_a_copied_group_stays_as_it_was() -> None:
    tally = GroupedTally()
    tally.add(SPAN, SECOND, "siteAAAAu1")
    kept = copy.copy(tally)
    tally.add(SPAN, SECOND, "siteAAAAu2")
    assert kept.groups == {"siteAAAA": 1}


def test_a_compact_name_is_short_and_tells_texts_apart() -> None:
    names = {compact(f"user{number}" * 50) for number in range(1_000)}
    assert len(names) == 1_000
    assert {len(name) for name in names} == {COMPACT}
