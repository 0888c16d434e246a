from __future__ import annotations

from detectors.plan import RuleSetting
from detectors.rules.concurrent_sessions import ConcurrentSessionsParameters
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import DAY, MINUTE
from tests.detectors.story import CURL, SAFARI_IPHONE, Story, alert, given, login, logout, rotation, use


def concurrent(*stream: Event, **options: object) -> Story:
    return given(*stream, rules="concurrent-sessions", **options)  # type: ignore[arg-type]


def sessions(count: int, every: float = 300, **fields: object) -> list[Event]:
    return [login("alice", number * every, session=f"s{number}", **fields) for number in range(count)]  # type: ignore[arg-type]


def kept_alive(count: int, every: float) -> list[Event]:
    """Each session begins a while after the one before, and all stay in use."""
    stream = []
    for number in range(count):
        stream += [use("alice", number * every - 1 - older, session=f"s{older}") for older in range(number)]
        stream.append(login("alice", number * every, session=f"s{number}"))
    return sorted(stream, key=lambda one: one.time_us)


def declared(**policy: object) -> Apps:
    return Apps({"bank": AppPolicy("bank", clock_skew_us=0, **policy)})  # type: ignore[arg-type]


def test_three_new_sessions_within_half_an_hour() -> None:
    concurrent(*sessions(3)).then(alert("concurrent-sessions", "medium", user="alice"))


def test_two_are_a_second_window() -> None:
    concurrent(*sessions(2)).silent()


def test_five_live_sessions_however_old() -> None:
    concurrent(*kept_alive(5, every=1_200)).then(alert("concurrent-sessions", hits=1))


def test_four_live_sessions_are_not_enough() -> None:
    concurrent(*kept_alive(4, every=1_200)).silent()


def test_a_phone_beside_a_laptop_is_normal() -> None:
    phone = [login("alice", 10 + number, session=f"p{number}", agent=SAFARI_IPHONE) for number in range(2)]
    concurrent(*sessions(2, every=1), *phone).silent()


def test_sessions_that_were_ended_are_gone() -> None:
    stream = []
    for number in range(8):
        stream += [
            login("alice", number * 60, session=f"s{number}"),
            logout("alice", number * 60 + 30, session=f"s{number}"),
        ]
    concurrent(*stream).silent()


def test_sessions_idle_for_longer_than_the_app_allows_are_gone() -> None:
    concurrent(*sessions(6, every=600), apps=declared(idle_timeout_us=5 * MINUTE)).silent()


def test_a_rotated_session_is_one() -> None:
    turns = [rotation("alice", 60 * n, session=f"r{n}", parent=f"r{n - 1}" if n > 1 else "s0") for n in range(1, 8)]
    concurrent(*sessions(1), *turns).silent()


def test_a_declared_number_is_the_measure() -> None:
    concurrent(*sessions(4), apps=declared(max_sessions=4)).silent()
    concurrent(*sessions(5), apps=declared(max_sessions=4)).then(alert("concurrent-sessions", hits=1))


def test_sessions_in_another_app_do_not_count() -> None:
    apps = Apps({name: AppPolicy(name, realm="group", clock_skew_us=0) for name in ("bank", "mail", "shop")})
    stream = [login("alice", n, session=f"s{n}", app=app) for n, app in enumerate(("bank", "mail", "shop"))]
    concurrent(*stream, apps=apps).silent()


def test_a_script_opens_as_many_as_it_likes() -> None:
    concurrent(*sessions(20, every=1, agent=CURL)).silent()


def test_told_out_of_order_it_is_the_same() -> None:
    concurrent(*reversed(sessions(3, every=40))).then(alert("concurrent-sessions", hits=1))


def test_told_late_a_session_counts_with_those_beside_it() -> None:
    first, second, third = sessions(3, every=200)
    concurrent(first, third, use("alice", 401, session="s2"), second, login("alice", 500, session="s3")).then(
        alert("concurrent-sessions")
    )


def test_the_numbers_are_set_by_app() -> None:
    lenient = RuleSetting(by_app={"bank": RuleSetting(ConcurrentSessionsParameters(new=6, live=10))})
    concurrent(*sessions(5), settings={"concurrent-sessions": lenient}).silent()


def test_a_browser_that_signs_in_again_and_again_begins_one_session() -> None:
    again = [login("alice", number * 120, session=f"s{number}", device_id="phone") for number in range(6)]
    concurrent(*again, apps=declared(idle_timeout_us=DAY)).silent()


def test_a_browser_that_signs_in_again_has_one_session() -> None:
    again = [login("alice", number * 1_200, session=f"s{number}", device_id="phone") for number in range(6)]
    concurrent(*again, apps=declared(idle_timeout_us=DAY)).silent()
    others = [login("alice", number * 1_200, session=f"s{number}", device_id=f"d{number}") for number in range(5)]
    concurrent(*others, apps=declared(idle_timeout_us=DAY)).then(alert("concurrent-sessions", "medium"))
