"""The final alerts of the learned detector depend on what happened, not on how it was told.

Random streams go through permuted inside the bound, split into batches, over engines, and through restarts; the
threshold lies so that many sessions are told, and some of them only until an event out of order is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from detectors.findings.stage import Detection
from detectors.learned import LEARNED
from detectors.remembered import RememberedDays
from schemas.alert import Alert
from schemas.event import Event
from schemas.instant import SECOND
from store.rows import SnapshotRow
from tests.detectors.learned.past import model, plan
from tests.detectors.story import (
    BERLIN,
    BERLIN_CAFE,
    CURL,
    FIREFOX,
    NEW_YORK,
    default_apps,
    event,
    final_alerts,
    new_detection,
)

PLAN = plan(model(0.65))
SPAN_S, MAX_DELAY_S = 400, 170
KINDS = {"login": "create", "rotation": "create", "request": "validate", "logout": "destroy", "csrf": "fail"}


@st.composite
def told(draw: st.DrawFn) -> tuple[Event, float]:
    reason = draw(st.sampled_from([*KINDS, "request", "request", "request", "login"]))
    user = draw(st.sampled_from(["alice", "bob"]))
    fields = {"parent_session_id": f"s_{user}{draw(st.integers(0, 1))}"} if reason == "rotation" else {}
    made = event(
        KINDS[reason],
        user,
        draw(st.integers(0, SPAN_S * 10)) / 10,
        draw(st.sampled_from([BERLIN, BERLIN, BERLIN_CAFE, NEW_YORK])),
        draw(st.sampled_from([FIREFOX, FIREFOX, CURL])),
        session=f"{user}{draw(st.integers(0, 1))}",
        reason=reason,
        count=draw(st.sampled_from([1, 1, 1, 7])),
        **fields,
    )
    return made, draw(st.floats(0, MAX_DELAY_S))


@st.composite
def taken_for_a_theft(draw: st.DrawFn) -> list[tuple[Event, float]]:
    """Uses from another place; that a login there came before them is told later."""
    at = draw(st.integers(0, SPAN_S))
    there = [event("validate", "carol", at + after, NEW_YORK, CURL, reason="request") for after in (10, 11, 12)]
    begun = event("create", "carol", at + 9, NEW_YORK, CURL, reason="login")
    return [(event("validate", "carol", at, BERLIN, FIREFOX), 0), *((one, 0) for one in there), (begun, 100)]


def _unique(parts: tuple[list[tuple[Event, float]], list[tuple[Event, float]]]) -> list[tuple[Event, float]]:
    return list({made.event_id: (made, delay_s) for part in parts for made, delay_s in part}.values())


STREAMS = st.tuples(st.lists(told(), min_size=1, max_size=55), st.one_of(st.just([]), taken_for_a_theft())).map(_unique)


def in_order(stream: list[tuple[Event, float]]) -> list[Event]:
    return sorted((made for made, _ in stream), key=lambda made: (made.time_us, made.event_id))


def as_told(stream: list[tuple[Event, float]]) -> list[Event]:
    return [made for made, _ in sorted(stream, key=lambda one: one[0].time_us + one[1] * SECOND)]


def stage(shards: int = 1) -> Detection:
    return new_detection(PLAN, default_apps(), shards)


def judge(items: Sequence[Event], shards: int = 1) -> dict[str, Alert]:
    detection = stage(shards)
    return final_alerts([detection.process(items).changes, detection.finish().changes])


@settings(max_examples=100, deadline=None)
@for_all(STREAMS)
def test_order_of_arrival_inside_the_bound_does_not_matter(stream: list[tuple[Event, float]]) -> None:
    one_by_one = stage()
    found = final_alerts(one_by_one.process([item]).changes for item in as_told(stream))
    assert found == judge(in_order(stream))


@settings(max_examples=60, deadline=None)
@for_all(STREAMS, st.lists(st.integers(0, 60), max_size=8))
def test_the_split_into_batches_does_not_matter(stream: list[tuple[Event, float]], cuts: list[int]) -> None:
    items = as_told(stream)
    bounds = [0, *sorted(min(cut, len(items)) for cut in cuts), len(items)]
    detection = stage()
    assert final_alerts(detection.process(items[a:b]).changes for a, b in pairwise(bounds)) == judge(in_order(stream))


@settings(max_examples=40, deadline=None)
@for_all(STREAMS, st.integers(2, 4))
def test_the_number_of_engines_does_not_matter(stream: list[tuple[Event, float]], shards: int) -> None:
    assert judge(as_told(stream), shards) == judge(in_order(stream))


@settings(max_examples=60, deadline=None)
@for_all(STREAMS, st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=5))
def test_kills_and_restarts_do_not_matter(stream: list[tuple[Event, float]], kills: list[tuple[int, bool]]) -> None:
    items = as_told(stream)
    for seq, item in enumerate(items):
        item.seq = seq
    detection, done, snapshotted = stage(), 0, 0
    rows: dict[tuple[str, str], SnapshotRow] = {}
    found = []
    for position, take in sorted(kills):
        until = min(position, len(items))
        found.append(detection.process(items[done:until]).changes)
        done = max(done, until)
        if take:
            rows.update({(row.kind, row.key): row for row in detection.take_rows()})
            snapshotted = done
        detection = stage()
        detection.restore(
            rows.values(), LEARNED, lambda seqs: {seq: items[seq] for seq in seqs}, RememberedDays().user_days
        )
        again = final_alerts([detection.process(items[snapshotted:done]).changes])
        assert again.items() <= final_alerts(found).items()
    found.append(detection.process(items[done:]).changes)
    assert final_alerts(found) == judge(in_order(stream))


def test_the_streams_reach_alerts_and_withdrawals() -> None:
    """Else the properties above would hold of nothing."""
    kinds: set[str] = set()

    @settings(max_examples=100, deadline=None, database=None, derandomize=True)
    @for_all(STREAMS)
    def look(stream: list[tuple[Event, float]]) -> None:
        detection = stage()
        for item in as_told(stream):
            kinds.update(change.kind for change in detection.process([item]).changes)

    look()
    assert kinds == {"raised", "updated", "withdrawn"}
