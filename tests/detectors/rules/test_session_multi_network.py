from __future__ import annotations

import pytest

from detectors.plan import RuleSetting
from detectors.rules.session_multi_network import MultiNetworkParameters
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    BERLIN,
    BERLIN_CAFE,
    BERLIN_IPV6,
    MUNICH_CARRIER,
    MUNICH_CARRIER_2,
    NEW_YORK,
    OFFICE,
    Story,
    alert,
    given,
    login,
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
