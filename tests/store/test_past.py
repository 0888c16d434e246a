"""The sessions as they were, from where they were used, and what they came from."""

from __future__ import annotations

from schemas.event import Event, Place
from schemas.instant import HOUR, MINUTE
from store.reader import Reader
from store.rows import StepUpRow
from store.writer import Writer
from tests.store.samples import NOON, event

IDLE = 30 * MINUTE
HOME, AWAY = Place(network="192.0.2.0/24"), Place(network="198.51.100.0/24")


def given(writer: Writer, *events: Event) -> None:
    with writer.transaction():
        writer.append_events(events)


def test_what_came_later_was_not_live_then(writer: Writer, reader: Reader) -> None:
    given(writer, event(NOON - MINUTE), event(NOON + MINUTE, session_id="s_2"))
    assert reader.live_sessions_at("bank", NOON, IDLE) == 1
    assert reader.live_sessions("bank", NOON, IDLE) == 2


def test_what_has_ended_since_was_live_then(writer: Writer, reader: Reader) -> None:
    given(writer, event(NOON - MINUTE), event(NOON + MINUTE, type="destroy", reason="logout"))
    assert reader.live_of_user_at("bank", "alice", NOON, IDLE) == 1
    assert reader.live_sessions("bank", NOON, IDLE) == 0


def test_a_session_is_where_it_was_used_last(writer: Writer, reader: Reader) -> None:
    given(writer, event(NOON - 2 * MINUTE, place=HOME), event(NOON, place=AWAY), event(NOON + MINUTE, place=HOME))
    assert reader.live_from_at("bank", AWAY.network or "", NOON, IDLE) == [("s_alice", "alice")]
    assert reader.live_sessions_by("bank", NOON, IDLE, network=AWAY.network) == []
    assert reader.live_sessions_by("bank", NOON, IDLE, network=HOME.network) == [("s_alice", "alice")]


def test_successes_are_told_from_failures_and_from_other_apps(writer: Writer, reader: Reader) -> None:
    used, refused, elsewhere = event(), event(type="fail", reason="csrf"), event(app="shop", session_id="s_shop")
    given(writer, used, refused, elsewhere)
    named = [(one.event_id, NOON) for one in (used, refused, elsewhere)]
    assert reader.accepted_among("bank", named) == [("s_alice", "alice")]
    assert reader.accepted_among("bank", named[1:]) == []


def test_a_session_knows_what_it_was_rotated_from(writer: Writer, reader: Reader) -> None:
    given(
        writer,
        event(NOON, type="create", session_id="s_2", parent_session_id="s_1"),
        event(NOON + 1, type="create", session_id="s_3", parent_session_id="s_2"),
    )
    assert reader.ancestors("bank", "s_3") == ["s_2", "s_1"]


def test_sessions_that_name_each_other_as_parents_do_not_go_round(writer: Writer, reader: Reader) -> None:
    given(
        writer,
        event(NOON, type="create", session_id="s_2", parent_session_id="s_1"),
        event(NOON, type="create", session_id="s_1", parent_session_id="s_2"),
    )
    assert reader.ancestors("bank", "s_1") == ["s_2"]


def test_a_device_is_known_by_what_came_before(writer: Writer, reader: Reader) -> None:
    given(writer, event(NOON, device_id="d_phone"), event(NOON, type="fail", device_id="d_thief"))
    assert reader.is_known_device("bank", "alice", "d_phone", NOON + HOUR)
    assert not reader.is_known_device("bank", "alice", "d_phone", NOON)
    assert not reader.is_known_device("bank", "alice", "d_thief", NOON + HOUR)
    assert not reader.is_known_device("bank", "bob", "d_phone", NOON + HOUR)


def test_a_step_up_is_stored_and_changed(writer: Writer, reader: Reader) -> None:
    row = StepUpRow("u1", "bank", "s_alice", "alice", "a1", "session-hijack", "asked", NOON, NOON + HOUR)
    with writer.transaction():
        writer.save_step_ups([row])
    assert reader.open_step_ups() == [row]
    row.state, row.ended_us, row.note = "cleared", NOON + 1, "proved"
    with writer.transaction():
        writer.save_step_ups([row])
    assert (reader.open_step_ups(), reader.step_ups_of("a1")) == ([], [row])


def test_a_fact_is_what_was_written_last(writer: Writer, reader: Reader) -> None:
    for value in ("one", "two"):
        with writer.transaction():
            writer.save_facts({"name": value})
    assert (reader.fact("name"), reader.fact("unheard of")) == ("two", None)
