"""The events of a fire drill: an attack of the simulated month, ending now, on reserved users alone."""

from __future__ import annotations

import pytest

from ingest.decode import decode_event
from sample_logs.simulate.attacks import KINDS
from sample_logs.simulate.drill import drill_events
from schemas.drill import LONGEST_US, RESERVED_PREFIX, DrillKey
from schemas.event import Event
from schemas.instant import MINUTE, parse_rfc3339

KEY = DrillKey(bytes(32))
NOON_US = parse_rfc3339("2026-11-01T12:00:00Z")
POSSIBLE = [kind for kind, attack in KINDS.items() if attack.drill]


def drilled(kind: str, strength: str = "loud", app: str = "website") -> list[Event]:
    mark = KEY.sign(kind, app, NOON_US + MINUTE)
    lines = drill_events(KINDS[kind], app, f"{RESERVED_PREFIX}1", mark, NOON_US, strength)  # type: ignore[arg-type]
    return [decode_event(line, KEY) for line in lines]


@pytest.mark.parametrize("strength", ["loud", "plain", "subtle"])
@pytest.mark.parametrize("kind", POSSIBLE)
def test_every_event_carries_a_mark_that_counts(kind: str, strength: str) -> None:
    for event in drilled(kind, strength):
        assert event.drill is not None
        assert event.input_flags == ()
        assert event.app == "website"


@pytest.mark.parametrize("kind", POSSIBLE)
def test_it_ends_now_and_begins_while_its_mark_counts(kind: str) -> None:
    times = [event.time_us for event in drilled(kind)]
    assert times == sorted(times)
    assert times[-1] == NOON_US
    assert times[0] > NOON_US + MINUTE - LONGEST_US


def test_the_events_say_where_they_come_from_since_no_deployment_knows_the_simulated_networks() -> None:
    places = {event.place for event in drilled("stolen-cookie") if event.ip is not None}
    assert all(place.country and place.asn and place.precision == "exact" for place in places)
    assert {place.network_type for place in places} <= {"home", "mobile", "vpn", "hosting", "relay", "office", None}


def test_no_two_drills_are_alike() -> None:
    first, second = drilled("stolen-cookie"), drilled("stolen-cookie")
    assert {event.session_id for event in first}.isdisjoint(event.session_id for event in second)


def test_most_attacks_can_be_drills() -> None:
    assert len(POSSIBLE) >= 14
