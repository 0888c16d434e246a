from __future__ import annotations

import pytest

from detectors.plan import RuleSetting
from detectors.rules.session_multi_network import MultiNetworkParameters
from schemas.event import Event
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    BERLIN,
    BERLIN_CAFE,
    BERLIN_IPV6,
    CHROME_WINDOWS,
    MUNICH_CARRIER,
    MUNICH_CARRIER_2,
    NEW_YORK,
    OFFICE,
    PARIS_CARRIER,
    SAFARI_IPHONE,
    STOCKHOLM_RELAY,
    STOCKHOLM_VPN,
    Story,
    alert,
    given,
    login,
    logout,
    refused,
    rotation,
    use,
)


def networks(*stream: object, **options: object) -> Story:
    return given(*stream, rules="session-multi-network", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("second", "severity"),
    [
        (NEW_YORK, "high"),  # address, autonomous system and country differ
        (AMSTERDAM_HOSTING, "high"),
        (BERLIN_CAFE, "medium"),  # address and autonomous system
        ("192.0.77.7", "medium"),  # address and country; its autonomous system is unknown
        ("10.1.2.3", "low"),  # nothing is known of it: a missing fact lowers the tier
        (MUNICH_CARRIER, "low"),  # a phone between Wi-Fi and cell (elastic/detection-rules#4953)
        (OFFICE, "low"),  # an egress network
    ],
)
def test_the_tier_follows_the_evidence(second: str, severity: str) -> None:
    networks(login("alice", at=0, ip=BERLIN), use("alice", at=300, ip=second)).then(
        alert("session-multi-network", severity)
    )


def test_a_higher_tier_raises_the_same_alert() -> None:
    networks(
        login("alice", at=0, ip=BERLIN),
        use("alice", at=300, ip=BERLIN_CAFE),
        use("alice", at=400, ip=NEW_YORK),
    ).then(alert("session-multi-network", "high", hits=2))


def test_the_first_use_after_half_an_hour_is_a_person_who_moved() -> None:
    networks(login("alice", at=0, ip=BERLIN), use("alice", at=1801, ip=NEW_YORK)).silent()


def test_the_window_is_a_parameter() -> None:
    settings = {"session-multi-network": RuleSetting(MultiNetworkParameters(window="2h"))}
    networks(login("alice", at=0, ip=BERLIN), use("alice", at=1801, ip=NEW_YORK), settings=settings).then(
        alert("session-multi-network", "high")
    )


@pytest.mark.parametrize("second", [BERLIN_IPV6, "192.0.2.200"])
def test_one_client_at_home_is_silent(second: str) -> None:
    networks(login("alice", at=0, ip=BERLIN), use("alice", at=10, ip=second), use("alice", at=20)).silent()


def test_a_carrier_hop_stays_low() -> None:
    networks(login("alice", at=0, ip=MUNICH_CARRIER), use("alice", at=10, ip=MUNICH_CARRIER_2)).then(
        alert("session-multi-network", "low")
    )


def test_egress_providers_are_named_by_autonomous_system() -> None:
    settings = {"session-multi-network": RuleSetting(MultiNetworkParameters(egress_asns=(64530,)))}
    networks(login("alice", at=0), use("alice", at=10, ip=NEW_YORK), settings=settings).then(
        alert("session-multi-network", "low")
    )


def test_a_rotation_does_not_make_the_earlier_network_forgotten() -> None:
    networks(
        login("alice", at=0, session="first", ip=BERLIN),
        rotation("alice", at=60, session="second", parent="first", ip=BERLIN),
        use("alice", at=120, session="second", ip=NEW_YORK),
    ).then(alert("session-multi-network", "high", session="second"))


def test_uses_out_of_order_count_in_their_order() -> None:
    networks(
        login("alice", at=0, ip=BERLIN),
        use("alice", at=100, ip=BERLIN),
        use("alice", at=50, ip=NEW_YORK),
    ).then(alert("session-multi-network", "high", hits=2))


def test_a_phone_whose_carrier_lets_it_out_in_another_country_is_low() -> None:
    phone = {"agent": SAFARI_IPHONE, "device_id": "phone"}
    networks(login("alice", at=0, ip=NEW_YORK, **phone), use("alice", at=300, ip=PARIS_CARRIER, **phone)).then(
        alert("session-multi-network", "low")
    )


@pytest.mark.parametrize("other", [{"device_id": "other"}, {"agent": CHROME_WINDOWS}, {"agent": None}])
def test_another_client_on_the_carrier_is_medium(other: dict[str, str | None]) -> None:
    networks(
        login("alice", at=0, ip=NEW_YORK, device_id="phone"), use("alice", at=300, ip=PARIS_CARRIER, **other)
    ).then(alert("session-multi-network", "medium"))


def test_from_a_carrier_to_a_rented_server_is_high() -> None:
    networks(
        login("alice", at=0, ip=PARIS_CARRIER, device_id="phone"),
        use("alice", at=300, ip=AMSTERDAM_HOSTING, device_id="phone"),
    ).then(alert("session-multi-network", "high"))


def turns(*places: str, every: float = 60) -> list[Event]:
    """The session in one place after the other."""
    return [use("alice", at=every * (turn + 1), ip=place) for turn, place in enumerate(places)]


@pytest.mark.parametrize(
    ("own", "other"),
    [(BERLIN, STOCKHOLM_VPN), (BERLIN_IPV6, "2001:db8:1:5::10")],
    ids=["a VPN", "the same provider"],
)
def test_two_who_take_turns_are_medium(own: str, other: str) -> None:
    networks(login("alice", at=0, ip=own), *turns(other, own, other, own, other)).then(
        alert("session-multi-network", "medium", hits=5)
    )


NEXT_DOOR_IPV6 = "2001:db8:1:5::10"


def test_two_home_lines_take_turns_once_on_either_side() -> None:
    stream = login("alice", at=0, ip=BERLIN_IPV6), *turns(NEXT_DOOR_IPV6, BERLIN_IPV6)
    networks(*stream).then(alert("session-multi-network", "low"))
    networks(*stream, use("alice", at=200, ip=NEXT_DOOR_IPV6)).then(alert("session-multi-network", "medium", hits=3))


def test_how_many_turns_between_home_lines_is_a_parameter() -> None:
    settings = {"session-multi-network": RuleSetting(MultiNetworkParameters(home_returns=3))}
    stream = login("alice", at=0, ip=BERLIN_IPV6), *turns(NEXT_DOOR_IPV6, BERLIN_IPV6, NEXT_DOOR_IPV6)
    networks(*stream, settings=settings).then(alert("session-multi-network", "low"))


def signed_out(reason: str = "unknown_session", ended: str = "logout", place: str = STOCKHOLM_VPN) -> list[Event]:
    """Three turns, and then the owner signs out at home; somebody shows the session again."""
    return [
        login("alice", at=0),
        *turns(STOCKHOLM_VPN, BERLIN, STOCKHOLM_VPN, BERLIN),
        logout("alice", at=300, reason=ended),
        *[refused("alice", at=at, reason=reason, ip=place) for at in (330, 390, 450)],
    ]


@pytest.mark.parametrize("reason", ["unknown_session", "revoked"])
@pytest.mark.parametrize("ended", ["logout", "logout_all"])
def test_shown_again_after_signing_out_is_one_more_turn(reason: str, ended: str) -> None:
    networks(*signed_out(reason, ended)).then(alert("session-multi-network", "medium", hits=5))


@pytest.mark.parametrize(
    "stream",
    [
        signed_out(ended="idle_timeout"),
        signed_out("expired_idle"),
        signed_out(place=BERLIN),
        signed_out(place=NEW_YORK),
        [login("alice", at=0), *turns(STOCKHOLM_VPN, BERLIN), *signed_out()[5:]],
        signed_out()[:5] + signed_out()[6:],
    ],
    ids=["it expired", "another reason", "at home", "where it never was", "asked on and on", "nobody signed out"],
)
def test_what_is_shown_in_vain_is_no_turn(stream: list[Event]) -> None:
    networks(*stream).then(alert("session-multi-network", "low"))


def test_a_session_in_one_network_is_shown_again_elsewhere_in_silence() -> None:
    networks(login("alice", at=0), logout("alice", at=60), *signed_out()[-3:]).silent()


@pytest.mark.parametrize("egress", [STOCKHOLM_RELAY, STOCKHOLM_VPN, OFFICE])
def test_a_rented_server_abroad_beside_a_way_out_is_medium(egress: str) -> None:
    networks(login("alice", at=0, ip=egress), use("alice", at=60, ip=AMSTERDAM_HOSTING)).then(
        alert("session-multi-network", "medium")
    )
    networks(login("alice", at=0, ip=egress), use("alice", at=60, ip=NEW_YORK)).then(
        alert("session-multi-network", "low")
    )


def test_a_vpn_switched_on_and_off_is_no_turns() -> None:
    networks(login("alice", at=0), *turns(STOCKHOLM_VPN, BERLIN, STOCKHOLM_VPN, BERLIN)).then(
        alert("session-multi-network", "low")
    )


@pytest.mark.parametrize("shifting", [MUNICH_CARRIER, OFFICE, STOCKHOLM_RELAY])
def test_networks_that_shift_by_themselves_are_no_turns(shifting: str) -> None:
    networks(login("alice", at=0), *turns(*[shifting, BERLIN] * 8)).then(alert("session-multi-network", "low"))


def test_a_named_egress_provider_makes_no_turns() -> None:
    settings = {"session-multi-network": RuleSetting(MultiNetworkParameters(egress_asns=(64530,)))}
    networks(login("alice", at=0), *turns(*[NEW_YORK, BERLIN] * 8), settings=settings).then(
        alert("session-multi-network", "low")
    )


def test_turns_over_hours_do_not_add_up() -> None:
    networks(login("alice", at=0), *turns(*[STOCKHOLM_VPN, BERLIN] * 4, every=700)).then(
        alert("session-multi-network", "low")
    )


def test_turns_told_out_of_order_and_over_a_rotation() -> None:
    stream = [login("alice", at=0), *turns(STOCKHOLM_VPN, BERLIN, STOCKHOLM_VPN)]
    rotated = [
        rotation("alice", at=200, session="r", parent="alice", ip=STOCKHOLM_VPN),
        use("alice", at=300, session="r", ip=STOCKHOLM_VPN),
        use("alice", at=240, session="r"),
    ]
    networks(*stream, *rotated).then(
        alert("session-multi-network", "low", session="alice"), alert("session-multi-network", "medium", session="r")
    )


def test_how_many_turns_is_a_parameter() -> None:
    settings = {"session-multi-network": RuleSetting(MultiNetworkParameters(returns=2))}
    networks(login("alice", at=0), *turns(STOCKHOLM_VPN, BERLIN, STOCKHOLM_VPN), settings=settings).then(
        alert("session-multi-network", "medium")
    )
