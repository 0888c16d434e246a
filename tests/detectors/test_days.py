"""The days that the engine hands out and takes back: when, of whom, and what it asks for."""

from __future__ import annotations

import msgspec
import pytest

from detectors.engine import Engine
from detectors.plan import Plan
from detectors.remembered import RememberedDays, inform
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import DAY, MINUTE, SECOND
from tests.detectors.story import (
    NEW_YORK,
    START_US,
    days_of,
    default_apps,
    flagged,
    given,
    login,
    logout,
    refused,
    use,
)

DAY_S = DAY // SECOND
MIDNIGHT = (DAY - START_US % DAY) // SECOND
TODAY = START_US // DAY
ALICE = ("bank", "alice")


def engine(**bounds: int) -> Engine:
    return Engine(Plan(only=["new-country"]), default_apps(), **bounds)


def days(one: Engine) -> list[tuple[str, int]]:
    return [(row.user_id, row.day) for row in one.take_days()]


def test_a_day_is_handed_out_when_nothing_in_order_can_change_it_any_more() -> None:
    one = engine()
    one.process([login("alice", at=MIDNIGHT - 60), use("alice", at=MIDNIGHT + 60)])
    assert days(one) == []
    one.process([use("alice", at=MIDNIGHT + 600), use("alice", at=MIDNIGHT + 1200)])
    assert days(one) == [("alice", TODAY)]
    assert days(one) == []


def test_what_comes_late_inside_the_bound_is_in_it() -> None:
    one = engine()
    late = use("alice", at=MIDNIGHT - 30, ip=NEW_YORK)
    one.process([login("alice", at=MIDNIGHT - 60), use("alice", at=MIDNIGHT + 60), late])
    one.process([use("alice", at=MIDNIGHT + 600), use("alice", at=MIDNIGHT + 1200)])
    (row,) = one.take_days()
    assert row.successes == 2


def test_a_silent_users_open_day_is_handed_out_when_the_key_is_dropped() -> None:
    one = engine()
    one.process([login("alice", at=0)])
    one.expire(START_US + DAY)
    assert days(one) == []
    one.expire(START_US + DAY + 4 * MINUTE)
    assert days(one) == [("alice", TODAY)]


def test_an_evicted_users_day_is_not_lost() -> None:
    one = engine(trusted_bound=1)
    one.process([login("alice", at=0), login("bob", at=1)])
    assert days(one) == [("alice", TODAY)]


def test_failures_and_ends_alone_make_no_day() -> None:
    one = engine()
    one.process([refused("alice", at=0, reason="bad_credentials"), logout("alice", at=1)])
    one.expire(START_US + 3 * DAY)
    assert days(one) == []


def test_users_about_to_succeed_are_asked_for_once_with_their_first_day() -> None:
    one = engine()
    stream = [use("alice", at=MIDNIGHT + 1), login("alice", at=MIDNIGHT - 1), refused("bob", at=0, reason="csrf")]
    assert one.absent_users(stream) == {ALICE: TODAY}
    inform(one, stream, RememberedDays())
    one.process(stream)
    assert one.absent_users([use("alice", at=MIDNIGHT + 2)]) == {}


def test_apps_of_one_realm_share_their_users() -> None:
    apps = Apps({name: AppPolicy(name, realm="staff") for name in ("bank", "mail")})
    one = Engine(Plan(only=["new-country"]), apps)
    assert one.absent_users([login("alice", at=0), login("alice", at=1, app="mail")]) == {("staff", "alice"): TODAY}


def history(length: int) -> RememberedDays:
    one, remembered = engine(), RememberedDays()
    one.process(days_of("alice", length))
    one.expire(START_US + 3 * DAY)
    remembered.save(one.take_days())
    return remembered


def raised(remembered: RememberedDays, event: Event) -> int:
    one = engine()
    inform(one, [event], remembered)
    return len(one.process([event]).changes)


def test_another_engine_judges_by_what_was_handed_out() -> None:
    assert raised(history(5), login("alice", at=4 * DAY_S, ip=NEW_YORK)) == 1


def test_an_engine_that_was_told_nothing_only_learns() -> None:
    assert raised(RememberedDays(), login("alice", at=4 * DAY_S, ip=NEW_YORK)) == 0


def test_days_of_an_unknown_version_are_passed_over() -> None:
    remembered = RememberedDays()
    rows = history(5).user_days({ALICE: TODAY + 5})
    remembered.save(msgspec.structs.replace(row, version=row.version + 1) for row in rows)
    assert raised(remembered, login("alice", at=4 * DAY_S, ip=NEW_YORK)) == 0


@pytest.mark.parametrize("first", [True, False])
def test_a_flag_may_come_before_or_after_the_session_is_heard_of(first: bool) -> None:
    stolen, flag = login("alice", at=60, session="stolen", ip=NEW_YORK), flagged("alice", at=70, session="stolen")
    pair = [flag, stolen] if first else [stolen, flag]
    one = engine()
    one.process([*days_of("alice", 4), *pair, login("alice", at=DAY_S, ip=NEW_YORK)])
    assert len(one.process([login("alice", at=2 * DAY_S, ip=NEW_YORK)]).changes) == 0
    one.expire(START_US + 5 * DAY)
    rows = {row.day: row for row in one.take_days()}
    assert b"US" not in rows[TODAY].content
    assert b"US" in rows[TODAY + 1].content


def test_a_backlog_of_days_in_one_batch_tells_each_days_alert() -> None:
    hops = [login("alice", at=at * DAY_S, session=f"s{at}", ip=ip) for at, ip in ((0, NEW_YORK), (6, "193.0.6.139"))]
    found = given(*days_of("alice", 4), *hops, *[use("alice", at=at * DAY_S) for at in (8, 9, 10)], rules="new-country")
    assert len(found.alerts) == 2
