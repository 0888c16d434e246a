from __future__ import annotations

from msgspec.structs import replace

from detectors.plan import RuleSetting
from detectors.rules.absolute_timeout_not_enforced import AbsoluteTimeoutParameters
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import HOUR, MINUTE
from tests.detectors.story import Story, alert, given, login, logout, rotation, use

LIMIT_S = 3600


def absolute(*stream: object, limit_us: int | None = HOUR, skew_us: int = 0, **options: object) -> Story:
    apps = Apps({"bank": AppPolicy("bank", absolute_timeout_us=limit_us, clock_skew_us=skew_us)})
    return given(*stream, rules="absolute-timeout-not-enforced", apps=apps, **options)  # type: ignore[arg-type]


def browsing(until: int, **fields: object) -> list[Event]:
    return [use("alice", at=at, **fields) for at in range(120, until, 120)]


def test_a_use_of_a_session_that_is_too_old() -> None:
    absolute(login("alice", at=0), *browsing(3600), use("alice", at=LIMIT_S + 61)).then(
        alert("absolute-timeout-not-enforced", "medium")
    )


def test_a_minute_more_is_the_sweepers() -> None:
    absolute(login("alice", at=0), *browsing(3600), use("alice", at=LIMIT_S + 60)).silent()


def test_the_declared_skew_is_added() -> None:
    absolute(login("alice", at=0), use("alice", at=LIMIT_S + 170), skew_us=2 * MINUTE).silent()


def test_an_app_that_declares_nothing_is_not_judged() -> None:
    absolute(login("alice", at=0), use("alice", at=80_000), limit_us=None).silent()


def test_a_new_login_is_a_new_life_even_when_it_is_told_last() -> None:
    absolute(login("alice", at=0), use("alice", at=LIMIT_S + 100), login("alice", at=LIMIT_S + 50)).silent()


def test_an_old_use_told_out_of_order() -> None:
    absolute(login("alice", at=0), use("alice", at=LIMIT_S + 170), use("alice", at=LIMIT_S + 100)).then(
        alert("absolute-timeout-not-enforced")
    )


def test_a_rotation_is_no_new_life() -> None:
    absolute(
        login("alice", at=0, session="a"), rotation("alice", at=1800, session="b", parent="a"),
        rotation("alice", at=3000, session="c", parent="b"), use("alice", at=LIMIT_S + 100, session="c"),
    ).then(alert("absolute-timeout-not-enforced"))  # fmt: skip


def test_the_refresh_itself_is_a_use() -> None:
    absolute(
        login("alice", at=0, session="a"),
        rotation("alice", at=LIMIT_S + 100, session="b", parent="a", reason="refresh"),
    ).then(alert("absolute-timeout-not-enforced"))  # fmt: skip


def test_a_visitors_session_that_is_rotated_at_the_login_begins_there() -> None:
    visits = [replace(use("alice", at=at, session="visit"), user_id=None) for at in range(0, 3400, 200)]
    absolute(
        *visits, rotation("alice", at=3400, session="a", parent="visit"), use("alice", at=LIMIT_S + 100, session="a")
    ).silent()  # fmt: skip


def test_without_its_login_a_session_is_at_least_as_old_as_its_first_use() -> None:
    absolute(*browsing(3600), use("alice", at=LIMIT_S + 190)).then(alert("absolute-timeout-not-enforced"))


def test_a_session_that_was_ended_is_for_another_rule() -> None:
    absolute(
        login("alice", at=0), logout("alice", at=LIMIT_S, reason="absolute_timeout"), use("alice", at=5000)
    ).silent()


def test_the_grace_is_a_parameter_by_app() -> None:
    lenient = RuleSetting(by_app={"bank": RuleSetting(AbsoluteTimeoutParameters(grace="30m"))})
    absolute(login("alice", at=0), use("alice", at=5000), settings={"absolute-timeout-not-enforced": lenient}).silent()
