from __future__ import annotations

import random

from msgspec.structs import replace

from detectors.plan import RuleSetting
from detectors.rules.credential_sharing import CredentialSharingParameters
from schemas.event import Event
from tests.detectors.story import (
    BERLIN,
    BERLIN_CAFE,
    BERLIN_IPV6,
    MUNICH_CARRIER,
    NEW_YORK,
    SAFARI_IPHONE,
    Story,
    alert,
    given,
    use,
)

HOUR_S = 3_600


def sharing(*stream: Event, **options: object) -> Story:
    return given(*sorted(stream, key=lambda one: one.time_us), rules="credential-sharing", **options)  # type: ignore[arg-type]


def working(ip: str, days: int = 4, hours: range = range(10), **fields: object) -> list[Event]:
    """Somebody uses the account in these hours of the day."""
    session = fields.pop("session", ip)
    return [
        use("alice", (day * 24 + hour) * HOUR_S + 60, ip, session=str(session).replace(".", ""), **fields)  # type: ignore[arg-type]
        for day in range(days)
        for hour in hours
    ]


def kind(stream: list[Event], network_type: str) -> list[Event]:
    return [replace(one, place=replace(one.place, network_type=network_type)) for one in stream]


def test_two_distant_places_in_most_hours_of_days() -> None:
    (found,) = {alert.severity for alert in sharing(*working(BERLIN), *working(NEW_YORK, device_id="d2")).alerts}
    assert found == "low"


def test_a_day_is_one_alert() -> None:
    stream = [*working(BERLIN, days=3), *working(NEW_YORK, days=3)]
    sharing(*stream).then(alert("credential-sharing", "low", user="alice"))


def test_two_days_say_nothing_yet() -> None:
    sharing(*working(BERLIN, days=2, hours=range(15)), *working(NEW_YORK, days=2, hours=range(15))).silent()


def test_a_family_at_home_is_one_place() -> None:
    sharing(*working(BERLIN, device_id="d1"), *working(BERLIN, device_id="d2", session="other")).silent()


def test_two_places_of_one_country_are_not_known_to_be_distant() -> None:
    sharing(*working(BERLIN), *working(BERLIN_CAFE)).silent()


def test_two_people_who_take_turns_within_hours_share_it() -> None:
    sharing(*working(BERLIN, hours=range(0, 12, 2)), *working(NEW_YORK, hours=range(1, 12, 2))).then(
        alert("credential-sharing"), alert("credential-sharing")
    )


def test_a_tablet_left_at_home_and_not_used_is_no_second_person() -> None:
    sharing(*working(BERLIN, days=1), *working(NEW_YORK, days=5)[10:]).silent()


def test_a_few_shared_hours_are_a_visit() -> None:
    sharing(*working(BERLIN), *working(NEW_YORK, hours=range(8, 10))).silent()


def test_one_after_the_other_is_a_journey() -> None:
    away = [replace(one, time_us=one.time_us + 4 * 24 * HOUR_S * 1_000_000) for one in working(NEW_YORK, days=3)]
    sharing(*working(BERLIN), *away).silent()


def test_a_device_that_is_never_the_same_is_no_friend() -> None:
    rng = random.Random(1)
    thief = [replace(one, device_id=f"d{rng.random()}") for one in working(NEW_YORK)]
    sharing(*working(BERLIN), *thief).silent()


def test_what_hides_the_place_does_not_count() -> None:
    for network_type in ("vpn", "hosting", "office", "mobile"):
        sharing(*working(BERLIN), *kind(working(NEW_YORK), network_type)).silent()
    sharing(*working(NEW_YORK), *working(MUNICH_CARRIER, agent=SAFARI_IPHONE)).silent()


def test_told_out_of_order_inside_the_bound_it_is_the_same() -> None:
    pairs = zip(working(BERLIN, days=3), working(NEW_YORK, days=3), strict=True)
    stream = [
        replace(one, time_us=one.time_us + shift) for pair in pairs for shift, one in zip((5, 0), pair, strict=True)
    ]
    given(*stream, rules="credential-sharing").then(alert("credential-sharing"))


def test_late_hours_count() -> None:
    told = given(*working(BERLIN, days=3), *working(NEW_YORK, days=3), rules="credential-sharing")
    assert {one.rule_id for one in told.alerts} == {"credential-sharing"}


def test_it_remembers_a_week_and_eight_devices() -> None:
    stream = [use("alice", hour * HOUR_S, BERLIN, device_id=f"d{hour % 20}") for hour in range(400)]
    sharing(*stream).silent()


def test_the_share_is_set_by_app() -> None:
    lenient = RuleSetting(by_app={"bank": RuleSetting(CredentialSharingParameters(share=0.2, live="1h"))})
    stream = [*working(BERLIN, days=3), *working(NEW_YORK, days=3, hours=range(7, 10))]
    sharing(*stream, settings={"credential-sharing": lenient}).then(alert("credential-sharing"))


OTHER_HOME = "192.0.3.5"
"""A line of another provider in the same country; `kind` makes it a home."""


def household(ip: str, *days_and_hours: tuple[int, int], device_id: str, **fields: object) -> list[Event]:
    """A device in a home, at these days and hours."""
    stream = [
        use("alice", (day * 24 + hour) * HOUR_S + 60, ip, session=device_id, device_id=device_id, **fields)  # type: ignore[arg-type]
        for day, hour in days_and_hours
    ]
    return kind(stream, "home")


OWN = household(BERLIN, (0, 3), (1, 1), (1, 5), (2, 1), (2, 9), device_id="own")
FRIEND = household(OTHER_HOME, (0, 9), (1, 9), (2, 8), device_id="friend")


def test_two_households_in_turn_for_days() -> None:
    found = sharing(*OWN, *FRIEND)
    found.then(alert("credential-sharing", "low", user="alice"))
    assert {one.fact for one in found.alerts[0].evidence} >= {
        "used from 192.0.2.0/24 DE AS64500 home",
        "used from 192.0.3.0/24 DE AS64501 home",
    }


def test_a_guest_of_one_day_shares_nothing() -> None:
    sharing(*OWN, *household(OTHER_HOME, (1, 3), (1, 7), (1, 9), device_id="friend")).silent()


def test_two_days_of_both_say_nothing_yet() -> None:
    sharing(*OWN[1:], *FRIEND[1:]).silent()


def test_who_has_moved_is_no_longer_at_the_old_home() -> None:
    before = household(BERLIN, (0, 1), (0, 3), device_id="own")
    moved = household(OTHER_HOME, (1, 1), (2, 1), (3, 1), device_id="new")
    sharing(*before, *moved).silent()


def test_a_device_that_comes_by_both_makes_them_one() -> None:
    visit = household(OTHER_HOME, (1, 20), device_id="own")
    sharing(*OWN, *FRIEND, *visit).silent()


def test_one_provider_is_one_household() -> None:
    sharing(*OWN, *household(BERLIN_IPV6, (0, 9), (1, 9), (2, 8), device_id="tablet")).silent()


def test_a_cafe_is_no_household() -> None:
    sharing(*OWN, *kind(FRIEND, "")).silent()
    sharing(*kind(OWN, ""), *FRIEND).silent()


def at_once(*own: tuple[int, int]) -> Story:
    """A friend overseas on three days, and the owner at these days and hours."""
    away = household(NEW_YORK, (0, 9), (1, 9), (2, 8), device_id="friend")
    return sharing(*away, *household(BERLIN, *own, device_id="own"))


def test_on_two_days_at_once_it_is_medium() -> None:
    at_once((0, 8), (1, 8), (2, 7)).then(alert("credential-sharing", "medium"))


def test_in_turn_with_time_to_travel_it_is_low() -> None:
    at_once((0, 23), (1, 0), (1, 23), (2, 0)).then(alert("credential-sharing", "low"))


def test_on_one_day_at_once_may_be_a_mistake() -> None:
    at_once((0, 8), (1, 0), (1, 23), (2, 0)).then(alert("credential-sharing", "low"))
