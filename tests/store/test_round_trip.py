"""Events and signals come back as they went in, in the order of ingestion."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as some

from schemas.event import NO_AGENT, NOWHERE, Agent, Event, Place
from schemas.instant import HOUR, SECOND, parse_rfc3339
from schemas.limits import INT64_MAX, INT64_MIN
from schemas.signal import Signal
from store.database import Database
from store.reader import Reader
from store.writer import Writer
from tests.store.samples import NOON, event

EARLIEST, LATEST = parse_rfc3339("2000-01-01T00:00:00Z"), parse_rfc3339("2099-12-31T23:59:59.999999Z")

text = some.text(some.characters(exclude_categories=["Cs"]), max_size=40)
maybe_text = some.none() | text
times = some.integers(EARLIEST, LATEST)
int64 = some.integers(INT64_MIN, INT64_MAX)
reals = some.floats(allow_nan=False, allow_infinity=False)
places = some.just(NOWHERE) | some.builds(
    Place,
    network=maybe_text,
    version=some.sampled_from([0, 4, 6]),
    country=maybe_text,
    region=maybe_text,
    city=maybe_text,
    lat=some.none() | some.floats(-90, 90),
    lon=some.none() | some.floats(-180, 180),
    asn=some.none() | some.integers(0, 2**32 - 1),
    network_type=maybe_text,
    precision=maybe_text,
)
agents = some.just(NO_AGENT) | some.builds(Agent, family=maybe_text, os=maybe_text, device_class=maybe_text)
events = some.builds(
    Event,
    event_id=some.uuids().map(str),
    time_us=times,
    type=some.sampled_from(["create", "validate", "fail", "destroy", "heartbeat"]),
    app=text,
    reason=maybe_text,
    session_id=maybe_text,
    user_id=maybe_text,
    user_hint=maybe_text,
    ip=maybe_text,
    user_agent=maybe_text,
    device_id=maybe_text,
    auth_method=maybe_text,
    mfa=some.none() | some.booleans(),
    idp=maybe_text,
    idp_session_id=maybe_text,
    parent_session_id=maybe_text,
    token_generation=some.none() | int64,
    count=some.integers(1, INT64_MAX),
    gap_min_ms=some.none() | reals,
    gap_dev_ms=some.none() | reals,
    bound=maybe_text,
    action=maybe_text,
    drill=maybe_text,
    input_flags=some.lists(text, max_size=3).map(tuple),
    attributes=some.none() | some.dictionaries(text, some.none() | some.booleans() | int64 | reals | text, max_size=4),
    place=places,
    agent=agents,
    signed=some.booleans(),
    late=some.booleans(),
    arrival_us=times,
    topic=text,
    partition=some.integers(-1, 2**31 - 1),
    offset=some.integers(-1, INT64_MAX),
)


@settings(max_examples=25, deadline=None)
@given(some.lists(events, max_size=8))
def test_events_come_back_equal(batch: list[Event]) -> None:
    with tempfile.TemporaryDirectory() as folder, Database.open(Path(folder) / "store.duckdb") as database:
        writer = database.writer()
        with writer.transaction():
            writer.append_events(batch)
        assert list(database.reader().replay_after(0)) == batch


def test_a_column_of_other_types_is_not_confused_by_equal_values(writer: Writer, reader: Reader) -> None:
    sent = event(attributes={"yes": True, "one": 1, "real": 1.0, "text": "1", "none": None})
    with writer.transaction():
        writer.append_events([sent])
    (stored,) = reader.replay_after(0)
    assert isinstance(stored, Event)
    assert stored.attributes is not None
    assert [type(value) for value in stored.attributes.values()] == [bool, int, float, str, type(None)]


def test_equal_places_are_one_object_again(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.append_events([event(place=Place("192.0.2.0/24", 4, "NL")) for _ in range(2)])
    first, second = (stored for stored in reader.replay_after(0) if isinstance(stored, Event))
    assert first.place is second.place


def test_events_and_signals_share_one_sequence(writer: Writer, reader: Reader) -> None:
    delivered = Signal("1", NOON, "revocation_delivered", "bank", "s_alice", None, {"revocation_id": "r1", "n": 2})
    first, second, third = event(), event(), event()
    with writer.transaction():
        writer.append_events([first])
    with writer.transaction():
        writer.append_signals([delivered])
        writer.append_events([second, third])
    stored = list(reader.replay_after(0))
    assert [row.seq for row in stored] == [1, 2, 3, 4]
    assert [type(row) for row in stored] == [Event, Signal, Event, Event]
    assert stored[1] == Signal(
        "1", NOON, "revocation_delivered", "bank", "s_alice", None, {"revocation_id": "r1", "n": 2}, seq=2
    )


def test_the_sequence_goes_on_after_a_restart(path: Path) -> None:
    for expected in (1, 2):
        sent = event()
        with Database.open(path) as database:
            writer = database.writer()
            with writer.transaction():
                writer.append_events([sent])
        assert sent.seq == expected


def test_a_replay_begins_after_the_number_asked_for(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.append_events([event() for _ in range(5)])
    assert [row.seq for row in reader.replay_after(3)] == [4, 5]


def test_a_replay_since_an_instant_leaves_out_what_is_older(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.append_signals([Signal("old", NOON - 2, "tick")])
        writer.append_events([event(NOON), event(NOON - 1), event(NOON + SECOND)])
        writer.append_signals([Signal("new", NOON, "tick")])
    assert [row.seq for row in reader.replay_since(NOON)] == [2, 4, 5]


def test_a_timeline_is_in_event_time(writer: Writer, reader: Reader) -> None:
    late, early = event(NOON + HOUR), event(NOON)
    with writer.transaction():
        writer.append_events([late, event(session_id="s_bob"), early, event(NOON + 2 * HOUR)])
    assert reader.timeline("bank", "s_alice", NOON, NOON + 2 * HOUR) == [early, late]
