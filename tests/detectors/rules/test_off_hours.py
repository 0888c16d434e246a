from __future__ import annotations

import pytest

from detectors.plan import RuleSetting
from detectors.rules.off_hours import OffHoursParameters
from schemas.instant import DAY, HOUR, SECOND
from tests.detectors.story import NEW_YORK, Story, alert, days_of, given, login, use

HOUR_S, DAY_S = HOUR // SECOND, DAY // SECOND
WORK = days_of("alice", 45, hours=range(8, 17), weekdays=range(5))
# The story begins on a Sunday at 8:00 UTC.
MONDAY = DAY_S - 8 * HOUR_S


def monday(hour: float) -> float:
    return MONDAY + hour * HOUR_S


def judged(*stream: object, **options: object) -> Story:
    return given(*stream, rules="off-hours", **options)  # type: ignore[arg-type]


def test_the_middle_of_the_night() -> None:
    judged(*WORK, login("alice", at=monday(3))).then(alert("off-hours", "info", user="alice"))


def test_a_weekend() -> None:
    judged(*WORK, login("alice", at=4 * HOUR_S)).then(alert("off-hours", "info"))


def test_told_late() -> None:
    judged(*WORK, login("alice", at=monday(9)), login("alice", at=monday(3), session="night")).then(
        alert("off-hours", late=True)
    )


def test_out_of_order_one_hour_is_asked_once() -> None:
    stream = [use("alice", at=monday(3) + at, session="night") for at in (90, 30, 60)]
    judged(*WORK, *stream).then(alert("off-hours", hits=1))


def test_a_whole_night_is_one_alert() -> None:
    stream = [use("alice", at=monday(hour), session="night") for hour in (1, 2, 2.5, 3)]
    judged(*WORK, *stream).then(alert("off-hours", hits=3))


@pytest.mark.parametrize("hour", [8, 12.5, 16.9])
def test_the_users_own_hours_are_silent_from_anywhere(hour: float) -> None:
    judged(*WORK, login("alice", at=monday(hour), ip=NEW_YORK)).silent()


@pytest.mark.parametrize("hour", [7, 17.5])
def test_daylight_saving_moves_a_habit_by_an_hour(hour: float) -> None:
    judged(*WORK, login("alice", at=monday(hour))).silent()


def test_who_works_at_night_is_at_home_at_night() -> None:
    night = days_of("bob", 45, hours=(0, 1, 2, 3, 4, 5))
    judged(*night, login("bob", at=monday(2))).silent()
    judged(*night, login("bob", at=monday(12))).then(alert("off-hours", user="bob"))


def test_who_is_there_round_the_clock_is_never_off() -> None:
    judged(*days_of("robot", 35, hours=range(24)), login("robot", at=monday(3))).silent()


def test_a_month_of_history_is_needed() -> None:
    judged(*days_of("alice", 29, hours=(9, 10, 11)), login("alice", at=10 * HOUR_S)).silent()


def test_a_few_days_spread_over_months_are_no_rhythm() -> None:
    seldom = [event for ago in (40, 30, 20, 10) for event in days_of("alice", 1, until=ago)]
    judged(*seldom, login("alice", at=10 * HOUR_S)).silent()


def test_after_a_leave_the_rhythm_before_it_counts() -> None:
    before = days_of("alice", 45, until=35, hours=range(8, 17), weekdays=range(5))
    judged(*before, login("alice", at=monday(9))).silent()
    judged(*before, login("alice", at=monday(3))).then(alert("off-hours"))


def test_another_share() -> None:
    mostly = [*days_of("alice", 45, hours=range(8, 17)), *days_of("alice", 9, until=7, hours=(3,), weekdays=(0,))]
    stream = sorted([*mostly, login("alice", at=monday(3))], key=lambda event: event.time_us)
    first = alert("off-hours", hits=1)
    judged(*stream).then(first, first)
    setting = RuleSetting(OffHoursParameters(share=0.001))
    judged(*stream, settings={"off-hours": setting}).then(first)
