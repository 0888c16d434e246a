"""Which sessions are live, as the guard counts them."""

from __future__ import annotations

from schemas.event import Event
from schemas.instant import DAY, HOUR, MINUTE
from store.reader import Reader
from store.writer import Writer
from tests.store.samples import NOON, event

IDLE = 30 * MINUTE


def given(writer: Writer, *events: Event) -> None:
    """Store events."""
    with writer.transaction():
        writer.append_events(events)


def ago(minutes: int) -> int:
    """Return the instant so many minutes before noon."""
    return NOON - minutes * MINUTE


def test_a_session_used_within_the_idle_timeout_is_live(writer: Writer, reader: Reader) -> None:
    given(writer, event(ago(29)), event(ago(31), session_id="s_bob", user_id="bob"))
    assert reader.live_sessions("bank", NOON, IDLE) == 1


def test_a_session_used_often_counts_once(writer: Writer, reader: Reader) -> None:
    given(writer, event(ago(3), type="create"), event(ago(2)), event(ago(1)))
    assert reader.live_sessions("bank", NOON, IDLE) == 1


def test_an_ended_session_is_not_live(writer: Writer, reader: Reader) -> None:
    given(writer, event(ago(3)), event(ago(2), type="destroy", reason="logout"))
    assert reader.live_sessions("bank", NOON, IDLE) == 0


def test_a_session_accepted_after_its_end_is_live(writer: Writer, reader: Reader) -> None:
    given(writer, event(ago(3), type="destroy", reason="logout"), event(ago(2)))
    assert reader.live_sessions("bank", NOON, IDLE) == 1


def test_a_refused_request_keeps_no_session_alive(writer: Writer, reader: Reader) -> None:
    given(writer, event(ago(40)), event(ago(1), type="fail", reason="unknown_session"))
    assert reader.live_sessions("bank", NOON, IDLE) == 0


def test_logout_everywhere_ends_all_sessions_of_the_user(writer: Writer, reader: Reader) -> None:
    given(
        writer,
        event(ago(5), session_id="s_1"),
        event(ago(4), session_id="s_2"),
        event(ago(4), session_id="s_bob", user_id="bob"),
        event(ago(3), type="destroy", reason="logout_all", session_id=None),
        event(ago(2), session_id="s_3", type="create", reason="login"),
    )
    assert reader.live_sessions("bank", NOON, IDLE) == 2
    assert reader.live_sessions_of_user("bank", "alice", NOON, IDLE) == 1


def test_another_apps_sessions_do_not_count(writer: Writer, reader: Reader) -> None:
    given(writer, event(ago(1), app="shop"))
    assert reader.live_sessions("bank", NOON, IDLE) == 0


def test_one_session_can_be_asked_for(writer: Writer, reader: Reader) -> None:
    given(
        writer,
        event(ago(3), session_id="s_1", user_id=None),
        event(ago(3), session_id="s_2"),
        event(ago(2), session_id="s_2", type="destroy", reason="logout"),
    )
    assert reader.is_live("bank", "s_1", NOON, IDLE)
    assert not reader.is_live("bank", "s_2", NOON, IDLE)
    assert not reader.is_live("bank", "s_3", NOON, IDLE)


def test_the_last_use_is_the_last_accepted_request(writer: Writer, reader: Reader) -> None:
    given(writer, event(ago(5)), event(ago(4)), event(ago(3), type="fail", reason="csrf"))
    assert reader.last_use("bank", "s_alice", ago(60)) == ago(4)
    assert reader.last_use("bank", "s_alice", ago(3)) is None


def test_hourly_counts_go_from_the_oldest_hour_to_the_newest(writer: Writer, reader: Reader) -> None:
    given(
        writer,
        event(ago(150), session_id="s_1"),
        event(ago(140), session_id="s_1"),
        event(ago(130), session_id="s_2"),
        event(ago(30), session_id="s_1"),
        event(ago(20), session_id="s_2", type="fail", reason="csrf"),
    )
    assert reader.hourly_live_counts("bank", NOON) == [2, 0, 1]


def test_an_app_older_than_the_hours_has_all_of_them(writer: Writer, reader: Reader) -> None:
    given(writer, event(NOON - DAY), event(ago(90)))
    assert reader.hourly_live_counts("bank", NOON) == [0] * 22 + [1, 0]


def test_an_unknown_app_has_no_hours(reader: Reader) -> None:
    assert reader.hourly_live_counts("bank", NOON) == []


def test_the_hour_at_hand_counts_up_to_now(writer: Writer, reader: Reader) -> None:
    given(writer, event(NOON), event(NOON + 1, session_id="s_later"), event(NOON - HOUR, session_id="s_before"))
    assert reader.hourly_live_counts("bank", NOON) == [1, 1]
