"""What a session looks like, and when it is looked at."""

from __future__ import annotations

import math
import struct

import pytest

from detectors.learned import LEARNED
from detectors.learned.features import FEATURES, MAX_CHANGES, MAX_POINTS, Point, Trace
from schemas.event import Event
from tests.detectors.learned.past import plan
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    BERLIN_CAFE,
    BERLIN_IPV6,
    CURL,
    NEW_YORK,
    SAFARI_IPHONE,
    default_apps,
    login,
    logout,
    new_detection,
    refused,
    rotation,
    use,
)


def trace(*stream: Event, session: str = "alice") -> Trace:
    detection = new_detection(plan(None), default_apps())
    detection.process(stream)
    state = detection.engine.family(detection.engine.family_of("bank", f"s_{session}"))
    assert state is not None
    memory = state.memory.get(f"session-outlier s_{session}", Trace())
    assert isinstance(memory, Trace)
    return memory


def points(*stream: Event, session: str = "alice") -> list[str]:
    return [point.why for point in trace(*stream, session=session).points]


def features(point: Point) -> dict[str, float]:
    numbers = struct.unpack(f"<{len(FEATURES)}f", point.vector)
    return {feature.name: math.expm1(number) for feature, number in zip(FEATURES, numbers, strict=True)}


def uses(count: int, after: float = 10, **fields: object) -> list[Event]:
    return [use("alice", after + 10 * number, **fields) for number in range(count)]  # type: ignore[arg-type]


def test_it_is_looked_at_at_the_5th_20th_and_80th_use() -> None:
    assert points(login("alice", 0), *uses(100)) == ["use 5", "use 20", "use 80"]


def test_a_sampled_event_counts_for_all_that_it_stands_for() -> None:
    assert points(login("alice", 0), use("alice", 60, count=90)) == ["use 5"]
    assert points(login("alice", 0), use("alice", 60, count=4), use("alice", 120, count=16)) == ["use 5", "use 20"]


def test_it_is_looked_at_at_its_end_once() -> None:
    assert points(login("alice", 0), logout("alice", 60), logout("alice", 70)) == ["its end"]


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        ([use("alice", 60, BERLIN_CAFE)], "a change of network"),
        ([use("alice", 60, agent=CURL)], "a change of client"),
        ([use("bob", 60, session="alice")], "a change of user"),
    ],
)
def test_it_is_looked_at_at_a_change_of_context(stream: list[Event], why: str) -> None:
    assert points(login("alice", 0), *stream) == [why]


def test_a_flip_to_the_other_version_of_the_protocol_is_no_change() -> None:
    assert points(login("alice", 0), use("alice", 60, BERLIN_IPV6)) == []


def test_who_hops_on_and_on_is_looked_at_a_few_times() -> None:
    hops = [use("alice", 10 + number, BERLIN_CAFE if number % 2 else NEW_YORK) for number in range(200)]
    found = trace(login("alice", 0), *hops).points
    assert sum(point.why == "a change of network" for point in found) == MAX_CHANGES
    assert len(found) <= MAX_POINTS
    assert features(found[-1])["moves"] == pytest.approx(79, abs=1)


def test_a_theft_shows_in_the_vector() -> None:
    (point,) = trace(login("alice", 0), use("alice", 60, NEW_YORK, SAFARI_IPHONE)).points
    seen = features(point)
    assert (round(seen["networks"]), round(seen["systems"]), round(seen["countries"])) == (2, 2, 2)
    assert round(seen["other_os"]) == round(seen["other_family"]) == round(seen["moves"]) == 1
    assert seen["fastest"] > 100_000


def test_uses_behind_hosting_and_sensitive_acts_are_counted() -> None:
    (point,) = trace(login("alice", 0), use("alice", 60, AMSTERDAM_HOSTING, action="password", count=3)).points
    seen = features(point)
    assert (round(seen["anonymised"]), round(seen["acts"])) == (3, 1)


def test_the_busiest_minute_and_the_longest_pause() -> None:
    (*_, point) = trace(login("alice", 0), *uses(5, 600), logout("alice", 660)).points
    seen = features(point)
    assert seen["peak"] == pytest.approx(5, abs=0.01)
    assert seen["pause"] == pytest.approx(10, abs=0.1)


def test_an_even_pace_is_what_the_emitter_says_and_not_the_gaps_between_events() -> None:
    even = [use("alice", 60 * n, count=30, gap_min_ms=1_990.0, gap_dev_ms=5.0) for n in range(1, 4)]
    bare = [use("alice", 60 * n, count=30) for n in range(1, 4)]
    assert features(trace(login("alice", 0), *even).points[-1])["steady"] > 20
    assert features(trace(login("alice", 0), *bare).points[-1])["steady"] == 0


def test_a_refused_use_is_counted_where_the_session_is_known() -> None:
    known = trace(login("alice", 0), refused("alice", 5, "fingerprint_mismatch"), logout("alice", 10))
    assert features(known.points[0])["refusals"] == pytest.approx(1, abs=0.01)


def test_invented_sessions_leave_no_trace() -> None:
    assert trace(refused("alice", 5, "unknown_session")) == Trace()


def test_use_after_the_end_is_counted() -> None:
    found = trace(login("alice", 0), logout("alice", 60), *uses(4, 120))
    assert features(found.points[-1])["after_end"] == pytest.approx(4, abs=0.01)


def test_a_login_takes_a_session_id_up_anew() -> None:
    again = trace(login("alice", 0), *uses(5), login("alice", 3_600), *uses(2, 3_700))
    assert again.uses == 3
    assert [point.why for point in again.points] == ["use 5"]


def test_a_rotated_session_is_held_against_where_its_parent_was() -> None:
    heir = rotation("alice", 60, "heir", "alice", NEW_YORK)
    assert points(login("alice", 0), heir, session="heir") == ["a change of network"]


def test_features_are_told_in_words_and_none_twice() -> None:
    words = [feature.words for feature in FEATURES]
    assert len(set(words)) == len(words)
    assert all(words)


def test_the_detector_is_documented_like_a_rule() -> None:
    from detectors.battery import Subject, examine
    from detectors.battery.checks import bounded, declared, documented, pure, serialisable, snapshot_safe

    rule = LEARNED["session-outlier"]
    assert examine(Subject(rule), (documented, declared, serialisable, bounded, snapshot_safe, pure)) == []
