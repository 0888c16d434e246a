from __future__ import annotations

from msgspec.structs import replace

from detectors.plan import RuleSetting
from detectors.rules.impossible_travel import ImpossibleTravelParameters
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import SECOND
from tests.detectors.story import (
    BERLIN,
    BERLIN_IPV6,
    BERLIN_NEIGHBOUR,
    NEW_YORK,
    OFFICE,
    Story,
    alert,
    given,
    login,
    use,
)

HOUR_S = 3_600
POSITIONS = {
    "Berlin": (52.52, 13.405),
    "Munich": (48.137, 11.575),
    "Potsdam": (52.39, 13.06),
    "New York": (40.71, -74.0),
}


def travel(*stream: Event, **options: object) -> Story:
    return given(*stream, rules="impossible-travel", **options)  # type: ignore[arg-type]


def at(event: Event, city: str, kind: str | None = None) -> Event:
    """The event, with exact coordinates."""
    lat, lon = POSITIONS[city]
    return replace(event, place=replace(event.place, lat=lat, lon=lon, precision="exact", network_type=kind))


def kind(event: Event, network_type: str) -> Event:
    return replace(event, place=replace(event.place, network_type=network_type))


def journey(hours: float, to: str = "New York", ip: str = NEW_YORK, type_: str | None = None) -> tuple[Event, Event]:
    return (
        at(login("alice", 0, BERLIN), "Berlin"),
        at(login("alice", hours * HOUR_S, ip, session="away"), to, type_),
    )


def test_berlin_to_new_york_within_an_hour() -> None:
    travel(*journey(1)).then(alert("impossible-travel", "high", user="alice"))


def test_eight_hours_are_a_flight() -> None:
    travel(*journey(8)).silent()


def test_just_beyond_three_hours_nothing_is_compared() -> None:
    travel(*journey(3.01)).silent()


def test_munich_within_half_an_hour_is_impossible_and_within_one_it_is_not() -> None:
    travel(*journey(0.5, "Munich")).then(alert("impossible-travel", "high"))
    travel(*journey(0.6, "Munich")).silent()


def test_nearer_than_five_hundred_kilometres_is_no_travel() -> None:
    travel(*journey(0.01, "Potsdam")).silent()


def test_countries_alone_are_medium_at_most() -> None:
    (found,) = travel(login("alice", 0, BERLIN), login("alice", HOUR_S, NEW_YORK, session="away")).alerts
    assert found.severity == "medium"
    assert found.summary.endswith("by country alone")


def test_neighbouring_countries_alone_are_nothing() -> None:
    travel(login("alice", 0, BERLIN), login("alice", 60, "203.0.113.80", session="away")).silent()


def test_the_same_address_never_travels() -> None:
    travel(*journey(0.1, ip=BERLIN)).silent()
    travel(*journey(0.1, ip=BERLIN_NEIGHBOUR)).silent()


def test_one_dual_stack_client_never_travels() -> None:
    travel(*journey(0.1, ip=BERLIN_IPV6)).silent()


def test_an_exit_on_either_side_lowers_it_to_info() -> None:
    for type_ in ("vpn", "relay", "satellite", "tor", "office"):
        travel(*journey(1, type_=type_)).then(alert("impossible-travel", "info"))
        before, now = journey(1)
        travel(kind(before, type_), now).then(alert("impossible-travel", "info"))


def test_a_hosting_network_may_be_an_exit_that_no_list_knows() -> None:
    travel(*journey(1, type_="hosting")).then(alert("impossible-travel", "medium"))


def test_a_phone_at_home_by_its_carrier_is_low() -> None:
    travel(*journey(1, type_="mobile")).then(alert("impossible-travel", "low"))


def test_a_phone_whose_carrier_leaves_elsewhere_in_the_country_is_info() -> None:
    travel(*journey(0.1, "Munich", ip="192.0.3.5", type_="mobile")).then(alert("impossible-travel", "info"))


def test_under_fifty_kilometres_it_is_low_whatever_is_set() -> None:
    near = RuleSetting(ImpossibleTravelParameters(distance_km=10))
    travel(*journey(0.01, "Potsdam"), settings={"impossible-travel": near}).then(alert("impossible-travel", "low"))


def test_the_clocks_of_two_servers_may_differ() -> None:
    apps = Apps({"bank": AppPolicy("bank", clock_skew_us=120 * SECOND)})
    travel(*journey(0.54, "Munich"), apps=apps).silent()
    travel(*journey(0.54, "Munich")).then(alert("impossible-travel"))


def test_going_back_and_forth_is_one_alert_an_hour() -> None:
    stream = []
    for number in range(12):
        stream.append(at(use("alice", 600 + number * 60, BERLIN), "Berlin"))
        stream.append(at(use("alice", 630 + number * 60, NEW_YORK, session="away"), "New York"))
    travel(*stream).then(alert("impossible-travel", "high", hits=23))


def test_staying_there_is_no_news() -> None:
    stay = [at(use("alice", HOUR_S + number, NEW_YORK, session="away"), "New York") for number in range(1, 20)]
    travel(*journey(1), *stay).then(alert("impossible-travel", hits=1))


def test_told_out_of_order_it_is_the_same() -> None:
    before, now = journey(0.02)
    travel(now, before).then(alert("impossible-travel", "high", hits=1, late=False))


def test_told_late_it_is_seen_all_the_same() -> None:
    before, now = journey(0.5)
    stay = [at(use("alice", HOUR_S, BERLIN), "Berlin")]
    travel(before, *stay, now).then(alert("impossible-travel", "high", late=True))


def test_an_office_abroad_that_is_named_is_info() -> None:
    travel(login("alice", 0, OFFICE), login("alice", HOUR_S, NEW_YORK, session="away")).then(
        alert("impossible-travel", "info")
    )


def test_speed_is_set_by_app() -> None:
    fast = RuleSetting(by_app={"bank": RuleSetting(ImpossibleTravelParameters(speed_kmh=10_000))})
    travel(*journey(1), settings={"impossible-travel": fast}).silent()
