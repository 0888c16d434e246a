from __future__ import annotations

from detectors.plan import RuleSetting
from detectors.rules.mfa_fatigue import MfaFatigueParameters
from schemas.event import Event
from tests.detectors.crowds import attempt
from tests.detectors.story import AMSTERDAM_HOSTING, BERLIN, Story, alert, given, login, rotation, use


def fatigue(*stream: Event, **options: object) -> Story:
    return given(*stream, rules="mfa-fatigue", **options)  # type: ignore[arg-type]


def pushes(
    count: int, at: float = 60, every: float = 30, ip: str | None = AMSTERDAM_HOSTING, reason: str = "mfa_denied"
) -> list[Event]:
    return [attempt("alice", at + number * every, ip, reason) for number in range(count)]


def test_five_refused_pushes() -> None:
    fatigue(*pushes(5)).then(alert("mfa-fatigue", "high", user="alice"))


def test_pushes_that_nobody_answers_count_alike() -> None:
    fatigue(*pushes(3), *pushes(2, at=200, reason="mfa_timeout")).then(alert("mfa-fatigue", "high"))


def test_four_are_not_enough() -> None:
    fatigue(*pushes(4)).silent()


def test_five_over_eleven_minutes_are_too_slow() -> None:
    fatigue(*pushes(5, every=160)).silent()


def test_pushes_within_two_seconds_are_one() -> None:
    fatigue(*pushes(10, every=0.9)).silent()
    fatigue(*pushes(10, every=2)).then(alert("mfa-fatigue"))


def test_a_wrong_password_is_no_push() -> None:
    fatigue(*pushes(20, reason="bad_credentials")).silent()


def test_the_sign_in_that_the_pushes_were_for_is_critical() -> None:
    fatigue(login("alice", 0, BERLIN), *pushes(6), login("alice", 300, AMSTERDAM_HOSTING, session="new")).then(
        alert("mfa-fatigue", "critical", session="new")
    )


def test_a_step_up_is_such_a_success_too() -> None:
    stepped = use("alice", 300, AMSTERDAM_HOSTING, session="new", reason="step_up")
    fatigue(login("alice", 0, BERLIN), *pushes(6), stepped).then(alert("mfa-fatigue", "critical"))


def test_the_user_who_signs_in_elsewhere_does_not_pay_for_the_attack() -> None:
    fatigue(login("alice", 0, BERLIN), *pushes(6), login("alice", 300, BERLIN, session="own")).then(
        alert("mfa-fatigue", "high")
    )


def test_a_user_at_home_whose_phone_has_no_reception_is_high_at_most() -> None:
    home = pushes(6, ip=BERLIN, reason="mfa_timeout")
    fatigue(login("alice", 0, BERLIN), *home, login("alice", 300, BERLIN, session="own")).then(
        alert("mfa-fatigue", "high")
    )


def test_without_an_address_it_is_high_at_most() -> None:
    fatigue(*pushes(6, ip=None), login("alice", 300, None)).then(alert("mfa-fatigue", "high"))


def test_a_success_after_four_pushes_is_an_ordinary_one() -> None:
    fatigue(*pushes(4), login("alice", 200, AMSTERDAM_HOSTING)).silent()


def test_a_success_after_the_window_is_no_part_of_it() -> None:
    fatigue(*pushes(5), login("alice", 1_000, AMSTERDAM_HOSTING)).then(alert("mfa-fatigue", "high", hits=1))


def test_requests_and_rotations_give_no_factor() -> None:
    stream = [
        use("alice", 300, AMSTERDAM_HOSTING, session="new"),
        rotation("alice", 310, session="newer", parent="new", ip=AMSTERDAM_HOSTING),
    ]
    fatigue(*pushes(5), *stream).then(alert("mfa-fatigue", "high", hits=1))


def test_told_in_reverse_it_is_the_same() -> None:
    stream = [login("alice", 0, BERLIN), *pushes(6), login("alice", 220, AMSTERDAM_HOSTING, session="new")]
    fatigue(*stream[1:][::-1], stream[0]).then(alert("mfa-fatigue", "critical"))


def test_a_late_push_counts_within_its_window() -> None:
    fatigue(*pushes(4, at=300), attempt("alice", 10, reason="mfa_denied"), *pushes(1, at=400)).then(
        alert("mfa-fatigue", "high")
    )


def test_a_flood_pushes_nothing_out() -> None:
    fatigue(*pushes(500, every=1), login("alice", 570, AMSTERDAM_HOSTING)).then(alert("mfa-fatigue", "critical"))


def test_the_number_is_set_by_app() -> None:
    strict = RuleSetting(by_app={"bank": RuleSetting(MfaFatigueParameters(pushes=3))})
    fatigue(*pushes(3), settings={"mfa-fatigue": strict}).then(alert("mfa-fatigue"))
