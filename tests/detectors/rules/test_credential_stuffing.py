from __future__ import annotations

from detectors.plan import RuleSetting
from detectors.rules.credential_stuffing import CredentialStuffingParameters
from schemas.event import Event
from tests.detectors.crowds import attempt, morning, new_passwords, spray
from tests.detectors.story import OFFICE, Story, alert, given


def stuffing(*stream: object, **options: object) -> Story:
    return given(*stream, rules="credential-stuffing", **options)  # type: ignore[arg-type]


def pairs(users: int, tries: int = 2, every: float = 5, at: float = 0) -> list[Event]:
    """Every user is tried with each password that a leak knows."""
    return [attempt(f"user{number // tries}", at + number * every) for number in range(users * tries)]


def test_twenty_five_tries_on_fifteen_users() -> None:
    stuffing(*pairs(13)[:25], *spray(2, at=130, prefix="more")).then(alert("credential-stuffing", "high"))


def test_twenty_four_tries_are_not_enough() -> None:
    stuffing(*pairs(12)).silent()


def test_too_few_users_are_a_spray_and_no_leak() -> None:
    stuffing(*pairs(14, tries=2)).silent()


def test_users_tried_three_times_do_not_count() -> None:
    stuffing(*pairs(20, tries=3)).silent()


def test_it_counts_over_fifteen_minutes() -> None:
    stuffing(*pairs(26, tries=1, every=34)).then(alert("credential-stuffing"))
    stuffing(*pairs(26, tries=1, every=40)).silent()


def test_told_in_reverse_it_is_the_same() -> None:
    stuffing(*reversed(pairs(26, tries=1))).then(alert("credential-stuffing", hits=2))


def test_a_late_try_counts_within_its_window() -> None:
    stuffing(*spray(24, at=60, every=20), attempt("late", at=30, arrives=800)).then(alert("credential-stuffing"))


def test_an_office_where_more_get_in_than_fail_is_silent() -> None:
    typos = spray(30, every=25, ip=OFFICE, prefix="typo")
    stuffing(*sorted([*typos, *morning(250)], key=lambda one: one.time_us)).silent()


def test_the_day_of_new_passwords_in_an_office_is_silent() -> None:
    stuffing(*new_passwords(300, every=1, takes=45)).silent()


def test_the_few_users_whose_password_was_right_do_not_explain_the_rest() -> None:
    stuffing(*spray(40, every=5), *morning(3, at=201, ip="203.0.113.80")).then(alert("credential-stuffing"))


def test_numbers_are_set_by_app() -> None:
    strict = RuleSetting(by_app={"bank": RuleSetting(CredentialStuffingParameters(attempts=5, users=5))})
    stuffing(*spray(5), settings={"credential-stuffing": strict}).then(alert("credential-stuffing"))
