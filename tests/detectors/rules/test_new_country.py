from __future__ import annotations

import pytest

from detectors.neighbours import are_neighbours
from detectors.plan import RuleSetting
from detectors.rules.new_country import NewCountryParameters
from schemas.instant import DAY, SECOND
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    BERLIN,
    BERLIN_IPV6,
    CHROME_WINDOWS,
    FIREFOX_UPGRADED,
    NEW_YORK,
    OFFICE,
    PARIS_CARRIER,
    STOCKHOLM_VPN,
    Story,
    alert,
    days_of,
    flagged,
    given,
    login,
    use,
)

DAY_S = DAY // SECOND
MONTH = days_of("alice", 28)
STRANGER = {"ip": NEW_YORK, "agent": CHROME_WINDOWS}
"""A new country and, besides, a client that the user does not have."""


def judged(*stream: object, **options: object) -> Story:
    return given(*stream, rules="new-country", **options)  # type: ignore[arg-type]


def test_a_country_not_seen_in_four_weeks() -> None:
    judged(*MONTH, login("alice", at=0, **STRANGER)).then(alert("new-country", "medium", user="alice"))


def test_a_country_alone_is_low() -> None:
    judged(*MONTH, login("alice", at=0, ip=NEW_YORK, agent=FIREFOX_UPGRADED)).then(alert("new-country", "low"))


def test_a_device_never_seen_is_a_second_fact() -> None:
    month = days_of("alice", 28, device_id="laptop")
    judged(*month, login("alice", at=0, ip=NEW_YORK, device_id="box")).then(alert("new-country", "medium"))


def test_nothing_that_names_a_client_is_no_known_one() -> None:
    judged(*MONTH, login("alice", at=0, ip=NEW_YORK, agent=None)).then(alert("new-country", "medium"))


def test_one_more_country_of_a_traveller_is_low() -> None:
    paris, stockholm = days_of("alice", 2, until=5, ip=PARIS_CARRIER), days_of("alice", 2, until=2, ip=STOCKHOLM_VPN)
    now = login("alice", at=0, **STRANGER)
    low, medium = alert("new-country", "low"), alert("new-country", "medium")
    judged(*days_of("alice", 20, until=8), *paris, *stockholm, now).then(low, low, low)
    judged(*days_of("alice", 20, until=8), *paris, now).then(low, medium)
    setting = RuleSetting(NewCountryParameters(travels=2))
    judged(*days_of("alice", 20, until=8), *paris, now, settings={"new-country": setting}).then(low, low)


def test_a_session_that_goes_on_in_a_new_country() -> None:
    judged(*MONTH, login("alice", at=0), use("alice", at=3600, **STRANGER)).then(alert("new-country", "medium"))


def test_told_late_it_is_still_new() -> None:
    late = login("alice", at=0, session="other", **STRANGER)
    judged(*MONTH, login("alice", at=600), late).then(alert("new-country", "medium", late=True))


def test_out_of_order_inside_the_bound() -> None:
    judged(*MONTH, use("alice", at=61, **STRANGER), login("alice", at=0), use("alice", at=60)).then(
        alert("new-country", "medium", hits=1)
    )


def test_one_country_and_day_is_one_alert() -> None:
    stay = [login("alice", at=at, session=f"us{at}", **STRANGER) for at in (0, 600, 7200)]
    again = [use("alice", at=at, session="us7200", **STRANGER) for at in (7300, 9000, 20_000)]
    judged(*MONTH, *stay, *again).then(alert("new-country", "medium", hits=3))


def test_the_country_is_ordinary_on_the_next_day() -> None:
    judged(*MONTH, login("alice", at=0, ip=NEW_YORK), login("alice", at=DAY_S, session="next", ip=NEW_YORK)).then(
        alert("new-country", hits=1)
    )


def test_what_a_flagged_session_showed_does_not_become_ordinary() -> None:
    judged(
        *MONTH,
        login("alice", at=0, session="stolen", ip=NEW_YORK),
        flagged("alice", at=1, session="stolen"),
        login("alice", at=DAY_S, session="next", ip=NEW_YORK),
    ).then(alert("new-country", session="stolen"), alert("new-country", session="next"))


def test_the_countries_of_the_month_are_silent_in_every_form() -> None:
    judged(
        *MONTH,
        login("alice", at=0, ip=BERLIN_IPV6),
        use("alice", at=60, agent=FIREFOX_UPGRADED),
        use("alice", at=7200, ip=OFFICE),
    ).silent()


def test_an_unknown_country_is_no_new_one() -> None:
    judged(*MONTH, login("alice", at=0, ip=None)).silent()


@pytest.mark.parametrize(("logins", "told"), [(2, False), (3, True)])
def test_the_first_three_logins_only_teach(logins: int, told: bool) -> None:
    story = judged(*days_of("alice", logins, hours=(9,)), login("alice", at=0, ip=NEW_YORK))
    story.then(*([alert("new-country")] if told else []))


def test_the_first_day_only_teaches() -> None:
    logins = [login("alice", at=at, session=f"s{at}") for at in range(0, 500, 100)]
    judged(*logins, login("alice", at=7200, session="other", ip=NEW_YORK)).silent()


def test_whoever_stays_signed_in_teaches_by_days() -> None:
    months_ago = [use("alice", at=-ago * DAY_S, session="phone") for ago in (3, 2, 1)]
    judged(*months_ago, login("alice", at=0, ip=NEW_YORK)).then(alert("new-country"))


def test_a_phone_roaming_next_door_is_low() -> None:
    judged(*MONTH, login("alice", at=0, ip=PARIS_CARRIER)).then(alert("new-country", "low"))


def test_a_known_device_on_a_journey_is_low() -> None:
    month = days_of("alice", 28, device_id="laptop")
    judged(*month, login("alice", at=0, ip=NEW_YORK, device_id="laptop")).then(alert("new-country", "low"))


def test_the_country_of_an_anonymiser_says_little() -> None:
    judged(*MONTH, login("alice", at=0, ip=AMSTERDAM_HOSTING)).then(alert("new-country", "low"))


def test_after_a_long_journey_home_is_low() -> None:
    away = days_of("alice", 32, **STRANGER)
    judged(*days_of("alice", 20, until=32), *away, login("alice", at=0, ip=BERLIN)).then(
        alert("new-country", "medium", hits=1), alert("new-country", "low", hits=1)
    )


def test_after_a_leave_of_a_month_home_is_home() -> None:
    judged(*days_of("alice", 20, until=40), login("alice", at=0, ip=BERLIN)).silent()


def test_a_named_way_out_of_the_organisation_is_silent() -> None:
    setting = RuleSetting(NewCountryParameters(corporate=("198.51.100.0/24",)))
    judged(*MONTH, login("alice", at=0, ip=NEW_YORK), settings={"new-country": setting}).silent()


def test_a_shorter_baseline_forgets_sooner() -> None:
    weeks = (*days_of("alice", 3, until=20, **STRANGER), *days_of("alice", 20))
    now = login("alice", at=0, ip=NEW_YORK)
    first = alert("new-country", "medium")
    home = days_of("alice", 10, until=30)
    judged(*home, *weeks, now).then(first)
    setting = RuleSetting(NewCountryParameters(baseline="14d"))
    judged(*home, *weeks, now, settings={"new-country": setting}).then(first, alert("new-country", "low"))


def test_a_way_out_must_be_a_network() -> None:
    with pytest.raises(ValueError, match="expected a network such as"):
        NewCountryParameters(corporate=("our vpn",))


def test_neighbours_are_neighbours_both_ways() -> None:
    assert are_neighbours("DE", "FR")
    assert are_neighbours("FR", "DE")
    assert not are_neighbours("DE", "ES")
