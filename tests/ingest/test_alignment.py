"""Partitions side by side: what is due, what has to wait, and what holds up nobody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.alignment import Alignment

SECOND = 1_000_000
Item = tuple[int, int]


def items(partition: int, *seconds: float | None) -> list[tuple[int | None, str]]:
    """Return items of a partition with these event times; their names are partition:time."""
    return [(None if at is None else int(at * SECOND), f"{partition}:{at}") for at in seconds]


def aligned(ahead_s: float = 0) -> Alignment[str]:
    return Alignment(int(ahead_s * SECOND))


def test_partitions_are_merged_by_event_time() -> None:
    alignment = aligned()
    alignment.add(0, items(0, 1, 4), at_end=True, now=0)
    alignment.add(1, items(1, 2, 3), at_end=True, now=0)
    assert alignment.take(10, now=0) == ["0:1", "1:2", "1:3", "0:4"]


def test_the_order_inside_a_partition_is_kept() -> None:
    alignment = aligned()
    alignment.add(0, items(0, 5, 1, 3), at_end=True, now=0)
    assert alignment.take(10, now=0) == ["0:5", "0:1", "0:3"]


def test_a_partition_ahead_waits_for_one_that_has_more_to_come() -> None:
    alignment = aligned(ahead_s=30)
    alignment.add(0, items(0, 10, 45), at_end=False, now=0)
    alignment.add(1, items(1, 10), at_end=False, now=0)
    assert alignment.take(10, now=0) == ["0:10", "1:10"]
    alignment.add(1, items(1, 20), at_end=True, now=0)
    assert alignment.take(10, now=0) == ["1:20", "0:45"]


def test_a_partition_at_its_end_holds_up_nobody() -> None:
    alignment = aligned()
    alignment.add(0, items(0, 100, 200), at_end=True, now=0)
    alignment.add(1, items(1), at_end=True, now=0)
    assert alignment.take(10, now=0) == ["0:100", "0:200"]


def test_a_partition_that_gives_nothing_for_long_holds_up_nobody() -> None:
    alignment = aligned()
    alignment.add(0, items(0, 100), at_end=True, now=0)
    alignment.add(1, items(1), at_end=False, now=0)
    assert alignment.take(10, now=4.9) == []
    assert alignment.take(10, now=5.1) == ["0:100"]


def test_one_event_dated_a_day_ahead_does_not_hold_back_its_partition() -> None:
    alignment = aligned()
    alignment.add(0, items(0, 1, 86_400, 2, 3), at_end=False, now=0)
    alignment.add(1, items(1, 1.5, 2.5, 50), at_end=False, now=0)
    assert alignment.take(6, now=0) == ["0:1", "1:1.5", "0:86400", "0:2", "1:2.5", "0:3"]


def test_a_late_event_does_not_pull_its_successors_forward() -> None:
    alignment = aligned()
    alignment.add(0, items(0, 10, 1, 11), at_end=True, now=0)
    alignment.add(1, items(1, 9, 10.5), at_end=True, now=0)
    assert alignment.take(10, now=0)[-2:] == ["1:10.5", "0:11"]


def test_an_item_without_a_time_goes_with_the_one_before() -> None:
    alignment = aligned()
    alignment.add(0, items(0, None, 5, None), at_end=True, now=0)
    alignment.add(1, items(1, 4, 6), at_end=True, now=0)
    assert alignment.take(10, now=0) == ["0:None", "1:4", "0:5", "0:None", "1:6"]


def test_stream_time_is_that_of_the_slowest_partition_behind() -> None:
    alignment = aligned(ahead_s=30)
    alignment.add(0, items(0, 10, 30), at_end=False, now=0)
    alignment.add(1, items(1, 20), at_end=False, now=0)
    alignment.add(2, items(2, 1), at_end=True, now=0)
    alignment.take(10, now=0)
    assert alignment.stream_time_us(now=0) == 20 * SECOND


def test_stream_time_is_unknown_at_the_end_of_all() -> None:
    alignment = aligned()
    alignment.add(0, items(0, 10), at_end=True, now=0)
    alignment.take(10, now=0)
    assert alignment.stream_time_us(now=0) is None


@given(
    partitions=st.lists(st.lists(st.integers(0, 1000), max_size=30).map(sorted), min_size=1, max_size=5),
    fetch=st.integers(1, 7),
    limit=st.integers(1, 7),
)
def test_sorted_partitions_come_out_sorted_and_complete(partitions: list[list[int]], fetch: int, limit: int) -> None:
    alignment: Alignment[Item] = Alignment(0)
    left = {number: list(times) for number, times in enumerate(partitions)}
    taken: list[Item] = []
    while any(left.values()) or alignment.stream_time_us(now=0) is not None:
        for number, times in left.items():
            chunk, left[number] = times[:fetch], times[fetch:]
            brought = [(time_us, (time_us, number)) for time_us in chunk]
            alignment.add(number, brought, at_end=not left[number], now=0)
        taken += alignment.take(limit, now=0)
    assert [time_us for time_us, _ in taken] == sorted(time for times in partitions for time in times)
    for number, times in enumerate(partitions):
        assert [time_us for time_us, of in taken if of == number] == times
