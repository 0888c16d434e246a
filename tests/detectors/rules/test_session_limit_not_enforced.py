from __future__ import annotations

from detectors.plan import RuleSetting
from detectors.rules.session_limit_not_enforced import SessionLimitParameters
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import MINUTE
from tests.detectors.story import Story, alert, given, login, logout, rotation, use


def limit(*stream: object, most: int | None = 2, skew_us: int = 0, **options: object) -> Story:
    apps = Apps({"bank": AppPolicy("bank", max_sessions=most, clock_skew_us=skew_us)})
    return given(*stream, rules="session-limit-not-enforced", apps=apps, **options)  # type: ignore[arg-type]


def logins(*sessions: str) -> list[Event]:
    return [login("alice", at=10 * n, session=session) for n, session in enumerate(sessions)]


def uses(at: float, *sessions: str) -> list[Event]:
    return [use("alice", at=at + n, session=session) for n, session in enumerate(sessions)]


def test_one_session_more_than_declared() -> None:
    limit(*logins("a", "b", "c"), *uses(100, "a", "b", "c")).then(alert("session-limit-not-enforced", "low"))


def test_as_many_as_declared_are_silent() -> None:
    limit(*logins("a", "b"), *uses(100, "a", "b", "a", "b")).silent()


def test_an_app_that_puts_the_oldest_out_without_a_word_is_silent() -> None:
    limit(*logins("a", "b", "c", "d"), *uses(100, "c", "d", "c", "d")).silent()


def test_an_app_that_puts_the_oldest_out_and_says_so_is_silent() -> None:
    evicted = logout("alice", at=21, session="a", reason="evicted")
    limit(*logins("a", "b", "c"), evicted, *uses(100, "b", "c", "b")).silent()


def test_requests_in_flight_of_the_one_that_makes_room_are_silent() -> None:
    limit(*logins("a", "b", "c"), *uses(78, "a", "b"), *uses(100, "b", "c")).silent()


def test_the_declared_skew_is_added() -> None:
    limit(*logins("a", "b", "c"), *uses(170, "a", "b", "c"), skew_us=2 * MINUTE).silent()


def test_sessions_one_after_the_other_are_silent() -> None:
    one_by_one = [
        event
        for n, session in enumerate("abcdef")
        for event in (login("alice", at=600 * n, session=session), use("alice", at=600 * n + 300, session=session))
    ]
    limit(*one_by_one).silent()


def test_a_rotated_session_is_one_session() -> None:
    limit(
        *logins("a", "b"),
        rotation("alice", at=50, session="a2", parent="a"),
        rotation("alice", at=60, session="a3", parent="a2"),
        *uses(200, "a3", "b", "a3"),
    ).silent()  # fmt: skip


def test_uses_out_of_order_prove_as_much() -> None:
    a, b, c = uses(100, "a", "b", "c")
    limit(*logins("a", "b", "c"), c, b, a).then(alert("session-limit-not-enforced"))


def test_uses_told_late_prove_nothing() -> None:
    limit(*logins("a", "b", "c"), *uses(1000, "c"), *uses(100, "a", "b")).silent()


def test_an_app_that_declares_no_limit_is_not_judged() -> None:
    limit(*logins(*"abcdefgh"), *uses(200, *"abcdefgh"), most=None).silent()


def test_the_sessions_of_another_app_do_not_count() -> None:
    apps = Apps({name: AppPolicy(name, realm="group", max_sessions=2, clock_skew_us=0) for name in ("bank", "shop")})
    given(
        *logins("a", "b"), login("alice", at=30, session="c", app="shop"), *uses(100, "a", "b"),
        use("alice", at=110, session="c", app="shop"), rules="session-limit-not-enforced", apps=apps,
    ).silent()  # fmt: skip


def test_the_grace_is_a_parameter_by_app() -> None:
    lenient = RuleSetting(by_app={"bank": RuleSetting(SessionLimitParameters(grace="10m"))})
    limit(
        *logins("a", "b", "c"), *uses(100, "a", "b", "c"), settings={"session-limit-not-enforced": lenient}
    ).silent()  # fmt: skip
