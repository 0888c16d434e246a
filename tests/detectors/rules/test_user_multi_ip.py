from __future__ import annotations

from detectors.plan import RuleSetting
from detectors.rules.user_multi_ip import UserMultiIpParameters
from schemas.app import AppPolicy, Apps
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    BERLIN,
    BERLIN_CAFE,
    BERLIN_IPV6,
    MUNICH_CARRIER,
    MUNICH_CARRIER_2,
    NEW_YORK,
    OFFICE,
    SAFARI_IPHONE,
    Story,
    alert,
    given,
    login,
    use,
)


def multi_ip(*stream: object, **options: object) -> Story:
    return given(*stream, rules="user-multi-ip", **options)  # type: ignore[arg-type]


def three_places(third: str, third_at: float = 120) -> tuple[object, ...]:
    return (
        login("alice", at=0, session="laptop", ip=BERLIN),
        login("alice", at=60, session="phone", ip=NEW_YORK),
        login("alice", at=third_at, session="other", ip=third),
    )


def test_three_networks_within_ten_minutes() -> None:
    multi_ip(*three_places(AMSTERDAM_HOSTING)).then(alert("user-multi-ip", "medium", user="alice"))


def test_two_networks_are_phone_and_laptop() -> None:
    multi_ip(*three_places(BERLIN)).silent()


def test_one_dual_stack_client_counts_once() -> None:
    multi_ip(*three_places(BERLIN_IPV6)).silent()


def test_the_office_egress_does_not_count() -> None:
    multi_ip(*three_places(OFFICE)).silent()


def test_two_mobile_networks_count_as_one() -> None:
    multi_ip(
        login("alice", at=0, session="laptop", ip=BERLIN),
        login("alice", at=60, session="phone", ip=MUNICH_CARRIER),
        use("alice", at=120, session="phone", ip=MUNICH_CARRIER_2),
    ).silent()


def test_a_network_not_used_for_ten_minutes_is_no_longer_live() -> None:
    multi_ip(*three_places(AMSTERDAM_HOSTING, third_at=601)).silent()


def test_hits_within_the_hour_are_one_alert_and_the_next_hour_is_another() -> None:
    burst = [
        login("alice", at=start + step, session=f"s{start}-{step}", ip=ip)
        for start in (0, 3600)
        for step, ip in enumerate((BERLIN, NEW_YORK, AMSTERDAM_HOSTING, BERLIN_CAFE))
    ]
    multi_ip(*burst).then(alert("user-multi-ip", hits=2), alert("user-multi-ip", hits=2))


def test_the_number_of_networks_is_set_by_app() -> None:
    strict = RuleSetting(by_app={"bank": RuleSetting(UserMultiIpParameters(networks=2))})
    multi_ip(*three_places(BERLIN)[:2], settings={"user-multi-ip": strict}).then(alert("user-multi-ip"))


def test_apps_of_one_realm_know_the_same_user() -> None:
    realm = Apps({name: AppPolicy(name, realm="group") for name in ("bank", "shop", "mail")})
    multi_ip(
        login("alice", at=0, app="bank", ip=BERLIN),
        login("alice", at=1, app="shop", ip=NEW_YORK),
        login("alice", at=2, app="mail", ip=AMSTERDAM_HOSTING),
        apps=realm,
    ).then(alert("user-multi-ip"))


def test_apps_apart_do_not() -> None:
    multi_ip(
        login("alice", at=0, app="bank", ip=BERLIN),
        login("alice", at=1, app="shop", ip=NEW_YORK),
        login("alice", at=2, app="mail", ip=AMSTERDAM_HOSTING),
    ).silent()


def test_laptop_and_phone_in_both_protocols_of_one_home_are_one_network() -> None:
    multi_ip(
        login("alice", at=0, session="laptop", ip=BERLIN),
        login("alice", at=60, session="phone", ip=BERLIN_IPV6, agent=SAFARI_IPHONE),
        use("alice", at=120, session="phone", ip=MUNICH_CARRIER, agent=SAFARI_IPHONE),
    ).silent()


def test_a_network_told_out_of_order_counts_where_it_belongs() -> None:
    first, second, third = three_places(AMSTERDAM_HOSTING)
    multi_ip(first, third, second).then(alert("user-multi-ip", "medium", hits=1))
