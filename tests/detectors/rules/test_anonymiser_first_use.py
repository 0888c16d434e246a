from __future__ import annotations

from detectors.plan import RuleSetting
from detectors.rules.anonymiser_first_use import AnonymiserFirstUseParameters
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    MUNICH_CARRIER,
    NEW_YORK,
    OFFICE,
    STOCKHOLM_RELAY,
    STOCKHOLM_VPN,
    Story,
    alert,
    days_of,
    given,
    login,
    use,
)

MONTH = days_of("alice", 28)


def judged(*stream: object, **options: object) -> Story:
    return given(*stream, rules="anonymiser-first-use", **options)  # type: ignore[arg-type]


def test_the_first_use_of_a_public_vpn() -> None:
    judged(*MONTH, login("alice", at=0, ip=STOCKHOLM_VPN)).then(alert("anonymiser-first-use", "low", user="alice"))


def test_the_first_use_of_a_hosting_network_in_a_running_session() -> None:
    judged(*MONTH, login("alice", at=0), use("alice", at=60, ip=AMSTERDAM_HOSTING)).then(
        alert("anonymiser-first-use", "low")
    )


def test_told_late() -> None:
    judged(*MONTH, login("alice", at=900), login("alice", at=0, session="vpn", ip=STOCKHOLM_VPN)).then(
        alert("anonymiser-first-use", "low", late=True)
    )


def test_out_of_order_only_the_first_counts() -> None:
    judged(
        *MONTH,
        use("alice", at=60, ip=STOCKHOLM_VPN),
        login("alice", at=0, ip=AMSTERDAM_HOSTING),
    ).then(alert("anonymiser-first-use", hits=1))


def test_the_second_session_of_the_day_is_no_first() -> None:
    judged(
        *MONTH, login("alice", at=0, ip=STOCKHOLM_VPN), login("alice", at=9000, session="two", ip=AMSTERDAM_HOSTING)
    ).then(alert("anonymiser-first-use", hits=1))


def test_who_always_uses_one_is_silent() -> None:
    judged(*days_of("bob", 20, ip=STOCKHOLM_VPN), login("bob", at=0, ip=STOCKHOLM_VPN)).silent()


def test_who_does_it_often_is_told_as_info() -> None:
    now_and_then = [*days_of("alice", 30, until=10), *days_of("alice", 3, until=8, hours=(20,), ip=STOCKHOLM_VPN)]
    judged(*now_and_then, *days_of("alice", 8), login("alice", at=0, ip=STOCKHOLM_VPN)).then(
        alert("anonymiser-first-use", "low"), alert("anonymiser-first-use", "info")
    )


def test_a_private_relay_is_told_as_info() -> None:
    judged(*MONTH, login("alice", at=0, ip=STOCKHOLM_RELAY)).then(alert("anonymiser-first-use", "info"))


def test_carriers_offices_and_foreign_networks_are_none() -> None:
    elsewhere = [login("alice", at=at, session=f"s{at}", ip=ip) for at, ip in ((0, MUNICH_CARRIER), (60, OFFICE))]
    judged(*MONTH, *elsewhere, login("alice", at=120, ip=NEW_YORK)).silent()


def test_the_first_logins_only_teach() -> None:
    judged(*days_of("alice", 2), login("alice", at=0, ip=STOCKHOLM_VPN)).silent()


def test_a_named_way_out_of_the_organisation_is_silent() -> None:
    setting = RuleSetting(AnonymiserFirstUseParameters(corporate=("198.18.8.0/24",)))
    judged(*MONTH, login("alice", at=0, ip=STOCKHOLM_VPN), settings={"anonymiser-first-use": setting}).silent()


def test_another_baseline() -> None:
    vpn = days_of("alice", 1, until=9, hours=(20,), ip=STOCKHOLM_VPN)
    stream = (*days_of("alice", 10, until=10), *vpn, *days_of("alice", 9), login("alice", at=0, ip=STOCKHOLM_VPN))
    first = alert("anonymiser-first-use", "low")
    judged(*stream).then(first, first)
    setting = RuleSetting(AnonymiserFirstUseParameters(baseline="14d"))
    judged(*stream, settings={"anonymiser-first-use": setting}).then(first)
