from __future__ import annotations

from detectors.plan import RuleSetting
from detectors.rules.brute_force_user import BruteForceUserParameters
from schemas.event import Event
from tests.detectors.crowds import attempt
from tests.detectors.story import Story, alert, given, login


def brute_force(*stream: Event, **options: object) -> Story:
    return given(*stream, rules="brute-force-user", **options)  # type: ignore[arg-type]


def tries(count: int, every: float = 10, at: float = 0, reason: str = "bad_credentials") -> list[Event]:
    return [attempt("alice", at + number * every, reason=reason) for number in range(count)]


def test_ten_tries_within_ten_minutes() -> None:
    brute_force(*tries(10)).then(alert("brute-force-user", "medium", user="alice"))


def test_nine_are_not_enough() -> None:
    brute_force(*tries(9)).silent()


def test_ten_over_eleven_minutes_are_too_slow() -> None:
    brute_force(*tries(10, every=70)).silent()


def test_ten_tries_on_ten_users_are_none_on_one() -> None:
    brute_force(*(attempt(f"user{number}", number) for number in range(10))).silent()


def test_however_many_they_are_it_stays_medium() -> None:
    """Whoever knows a name can cause them."""
    brute_force(*tries(500, every=1)).then(alert("brute-force-user", "medium"))


def test_an_expired_password_was_right() -> None:
    brute_force(*tries(20, reason="expired_password")).silent()


def test_a_locked_account_is_counted_apart_and_told_beside() -> None:
    (found,) = brute_force(*tries(9), *tries(7, at=90, reason="locked"), *tries(1, at=300)).alerts
    assert found.summary.startswith("10 failed tries from 1 networks")
    assert found.summary.endswith("; 7 refused as locked")


def test_a_count_stands_for_several_tries() -> None:
    brute_force(attempt("alice", 0, count=10)).then(alert("brute-force-user"))


def test_told_in_reverse_it_is_the_same() -> None:
    brute_force(*reversed(tries(11))).then(alert("brute-force-user", hits=2))


def test_a_late_try_counts_within_its_window() -> None:
    brute_force(*tries(9, at=60, every=50), attempt("alice", 30)).then(alert("brute-force-user"))


def test_a_late_try_before_the_window_does_not() -> None:
    brute_force(*tries(9, at=1_000), attempt("alice", 30)).silent()


def test_it_says_where_the_user_usually_is() -> None:
    (found,) = brute_force(login("alice", 0), *tries(10, at=60)).alerts
    assert found.usual["network"].startswith("192.0.2.0/24")


def test_the_number_is_set_by_app() -> None:
    patient = RuleSetting(by_app={"bank": RuleSetting(BruteForceUserParameters(attempts=20))})
    brute_force(*tries(19), settings={"brute-force-user": patient}).silent()
    brute_force(*tries(20), settings={"brute-force-user": patient}).then(alert("brute-force-user"))
