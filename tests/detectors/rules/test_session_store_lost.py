from __future__ import annotations

from msgspec.structs import replace

from detectors.plan import RuleSetting
from detectors.rules.session_store_lost import SessionStoreLostParameters
from schemas.event import Event
from tests.detectors.crowds import guess, refusal
from tests.detectors.story import OFFICE, Story, alert, given, login

DAY_S = 24 * 3_600


def store_lost(*stream: Event, **options: object) -> Story:
    ordered = sorted(stream, key=lambda one: (one.time_us, one.event_id))
    return given(*ordered, rules="session-store-lost", **options)  # type: ignore[arg-type]


def home(number: int) -> str:
    return f"198.18.{number}.7"


def people(count: int, at: float = 0) -> list[Event]:
    return [login(f"clerk{number}", at + number * 5, OFFICE) for number in range(count)]


def lost(count: int, at: float, ip: str = OFFICE) -> list[Event]:
    return [refusal(f"clerk{number}", at + number, ip) for number in range(count)]


def old_cookies(days: int, an_hour: int = 60) -> list[Event]:
    """Every hour some people come back with a cookie that is long void, and sign in."""
    stream = []
    for hour in range(days * 24):
        for number in range(an_hour):
            at, name = hour * 3_600 + number * 50, f"back{hour}-{number}"
            stream += [refusal(f"old{name}", at, home(number)), login(name, at + 20, home(number))]
    return stream


def test_forty_people_in_one_office_lose_their_sessions() -> None:
    store_lost(*people(40), *lost(40, at=1_000)).then(alert("session-store-lost", "low"))


def test_people_everywhere_lose_sessions_that_began_long_ago() -> None:
    store_lost(*(refusal(f"long{number}", number, home(number)) for number in range(40))).then(
        alert("session-store-lost", "low")
    )


def test_it_is_one_notice_about_the_app_however_many_offices_there_are() -> None:
    (found,) = store_lost(*(refusal(f"long{n}", n / 4, home(n % 100)) for n in range(400))).alerts
    assert (found.key_kind, found.key_value) == ("app", "bank")
    assert found.hits > 300


def test_guesses_from_one_network_are_no_loss() -> None:
    store_lost(*(guess(number, number) for number in range(100))).silent()


def test_old_cookies_followed_by_sign_ins_are_no_loss() -> None:
    store_lost(*old_cookies(days=1)).silent()


def test_what_old_cookies_make_every_day_is_no_loss() -> None:
    busy = [refusal(f"more{number}", 2 * DAY_S + number * 10, home(number)) for number in range(31)]
    store_lost(*old_cookies(days=2, an_hour=72), *busy).silent()


def test_a_loss_stands_out_from_old_cookies() -> None:
    loss = [refusal(f"live{number}", 2 * DAY_S + number, home(number)) for number in range(60)]
    store_lost(*old_cookies(days=2), *loss).then(alert("session-store-lost"))


def test_told_out_of_order_it_is_the_same() -> None:
    stream = [*people(40), *reversed(lost(40, at=1_000))]
    given(*stream, rules="session-store-lost").then(alert("session-store-lost", hits=11))


def test_refusals_without_an_id_do_not_count() -> None:
    store_lost(*(replace(refusal("x", number, home(number)), session_id=None) for number in range(60))).silent()


def test_the_number_is_set_by_app() -> None:
    strict = RuleSetting(by_app={"bank": RuleSetting(SessionStoreLostParameters(ids=10))})
    store_lost(*people(10), *lost(10, at=1_000), settings={"session-store-lost": strict}).then(
        alert("session-store-lost")
    )
