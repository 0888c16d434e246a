from __future__ import annotations

from detectors.plan import RuleSetting
from detectors.rules.idle_timeout_not_enforced import IdleTimeoutParameters
from schemas.app import AppPolicy, Apps
from schemas.instant import MINUTE
from tests.detectors.story import Story, alert, given, login, logout, rotation, use


def idle(*stream: object, idle_us: int | None = 15 * MINUTE, skew_us: int = 0, **options: object) -> Story:
    apps = Apps({"bank": AppPolicy("bank", idle_timeout_us=idle_us, clock_skew_us=skew_us)})
    return given(*stream, rules="idle-timeout-not-enforced", apps=apps, **options)  # type: ignore[arg-type]


def test_a_use_after_a_pause_longer_than_declared() -> None:
    idle(login("alice", at=0), use("alice", at=961)).then(alert("idle-timeout-not-enforced", "medium"))


def test_the_pause_counts_from_the_last_use_and_not_from_the_login() -> None:
    idle(login("alice", at=0), *[use("alice", at=600.0 * step) for step in range(1, 10)]).silent()


def test_a_minute_more_is_the_sweepers() -> None:
    idle(login("alice", at=0), use("alice", at=960)).silent()


def test_the_declared_skew_is_added() -> None:
    idle(login("alice", at=0), use("alice", at=1070), skew_us=2 * MINUTE).silent()


def test_an_app_that_declares_nothing_is_not_judged() -> None:
    idle(login("alice", at=0), use("alice", at=9000), idle_us=None).silent()


def test_a_use_in_the_pause_that_is_told_afterwards_undoes_it() -> None:
    idle(login("alice", at=0), use("alice", at=961), use("alice", at=900)).silent()


def test_a_pause_is_found_in_the_order_of_events() -> None:
    idle(login("alice", at=0), use("alice", at=1070), use("alice", at=1050)).then(alert("idle-timeout-not-enforced"))


def test_an_event_that_stands_for_earlier_uses_proves_no_pause() -> None:
    idle(login("alice", at=0), use("alice", at=1200, count=30, gap_min_ms=20.0)).silent()


def test_unless_the_shortest_gap_before_them_is_one() -> None:
    idle(login("alice", at=0), use("alice", at=4000, count=2, gap_min_ms=1_900_000.0)).then(
        alert("idle-timeout-not-enforced")
    )


def test_a_session_that_is_unlocked_proves_that_it_was_locked() -> None:
    idle(login("alice", at=0), use("alice", at=2000, reason="step_up"), use("alice", at=2010)).silent()


def test_a_new_login_is_no_use_of_the_old_session() -> None:
    idle(login("alice", at=0), login("alice", at=3000), use("alice", at=3010)).silent()


def test_a_refresh_into_a_new_id_is_a_use() -> None:
    idle(login("alice", at=0, session="a"), rotation("alice", at=2000, session="b", parent="a", reason="refresh")).then(
        alert("idle-timeout-not-enforced")
    )


def test_a_session_that_was_ended_is_for_another_rule() -> None:
    idle(login("alice", at=0), logout("alice", at=900, reason="idle_timeout"), use("alice", at=3000)).silent()


def test_the_grace_is_a_parameter_by_app() -> None:
    lenient = RuleSetting(by_app={"bank": RuleSetting(IdleTimeoutParameters(grace="10m"))})
    idle(login("alice", at=0), use("alice", at=1200), settings={"idle-timeout-not-enforced": lenient}).silent()
