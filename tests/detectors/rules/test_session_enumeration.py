from __future__ import annotations

from msgspec.structs import replace

from detectors.plan import RuleSetting
from detectors.rules.session_enumeration import SessionEnumerationParameters
from schemas.event import Event
from tests.detectors.crowds import attempt, guess, refusal
from tests.detectors.story import AMSTERDAM_HOSTING, OFFICE, Story, alert, given, login

CARRIER = "192.0.8.4"


def enumeration(*stream: Event, **options: object) -> Story:
    return given(*stream, rules="session-enumeration", **options)  # type: ignore[arg-type]


def guesses(count: int, at: float = 0, every: float = 5, ip: str = AMSTERDAM_HOSTING) -> list[Event]:
    return [guess(number, at + number * every, ip) for number in range(count)]


def people(count: int, at: float = 0, every: float = 5, ip: str = OFFICE) -> list[Event]:
    return [login(f"clerk{number}", at + number * every, ip) for number in range(count)]


def lost(count: int, at: float, every: float = 1, ip: str = OFFICE) -> list[Event]:
    """The sessions of these people are refused."""
    return [refusal(f"clerk{number}", at + number * every, ip) for number in range(count)]


def test_thirty_unknown_ids_within_five_minutes() -> None:
    enumeration(*guesses(30)).then(alert("session-enumeration", "high"))


def test_twenty_nine_are_not_enough() -> None:
    enumeration(*guesses(29)).silent()


def test_one_id_asked_for_again_and_again_is_one() -> None:
    enumeration(*(guess(1, at) for at in range(100))).silent()


def test_thirty_over_six_minutes_are_too_slow() -> None:
    enumeration(*guesses(30, every=12)).silent()


def test_refusals_without_an_id_do_not_count() -> None:
    enumeration(*(replace(one, session_id=None) for one in guesses(60))).silent()


def test_other_refusals_do_not_count() -> None:
    enumeration(*(attempt(f"user{number}", number) for number in range(60))).silent()


def test_told_in_reverse_it_is_the_same() -> None:
    enumeration(*reversed(guesses(31))).then(alert("session-enumeration", hits=2))


def test_a_late_refusal_counts_within_its_window() -> None:
    late = replace(guess(99, 5), arrival_us=guess(99, 400).time_us)
    enumeration(*guesses(29, at=60, every=8), late).then(alert("session-enumeration"))


def test_the_alert_shows_twenty_of_them() -> None:
    (found,) = enumeration(*guesses(40)).alerts
    assert len({item.event_id for item in found.evidence}) == 20
    assert found.network == "203.0.113.0/24"


def test_an_office_whose_app_lost_its_sessions_is_silent() -> None:
    enumeration(*people(200), *lost(200, at=1_500)).silent()


def test_a_carrier_whose_users_sign_in_again_is_silent() -> None:
    """Their sessions began long ago, elsewhere."""
    again = people(20, at=40, every=3, ip=CARRIER)
    stream = [*lost(80, at=0, ip=CARRIER), *again]
    enumeration(*sorted(stream, key=lambda one: one.time_us)).silent()


def test_a_few_known_ids_do_not_explain_many_guessed_ones() -> None:
    stream = [*people(5, ip=AMSTERDAM_HOSTING), *guesses(60, at=800, every=2), *lost(5, at=930, ip=AMSTERDAM_HOSTING)]
    enumeration(*stream).then(alert("session-enumeration", "high"))


def test_known_ids_that_come_up_while_a_hit_waits_take_it_back() -> None:
    stream = [*people(20), *guesses(30, at=1_000, every=1, ip=OFFICE), *lost(10, at=1_040)]
    enumeration(*stream).silent()


def test_sign_ins_that_come_after_the_hit_was_decided_do_not() -> None:
    enumeration(*guesses(30, every=1), *people(20, at=200, ip=AMSTERDAM_HOSTING)).then(alert("session-enumeration"))


def test_a_named_office_is_low() -> None:
    enumeration(*guesses(30, ip=OFFICE)).then(alert("session-enumeration", "low"))


def test_the_number_is_set_by_app() -> None:
    strict = RuleSetting(by_app={"bank": RuleSetting(SessionEnumerationParameters(ids=10))})
    enumeration(*guesses(10), settings={"session-enumeration": strict}).then(alert("session-enumeration"))
