from __future__ import annotations

import pytest

from detectors.plan import RuleSetting
from detectors.rules.session_device_churn import DeviceChurnParameters, distinct_places
from schemas.event import Event, Place
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    BERLIN,
    BERLIN_CAFE,
    BERLIN_IPV6,
    CHROME_WINDOWS,
    CURL,
    FIREFOX,
    FIREFOX_UPGRADED,
    MUNICH_CARRIER,
    MUNICH_CARRIER_2,
    NEW_YORK,
    SAFARI_IPHONE,
    Story,
    alert,
    given,
    login,
    rotation,
    use,
)

SAFARI_MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Safari/605.1.15"
)
FIREFOX_UBUNTU = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def churn(*stream: object, **options: object) -> Story:
    return given(*stream, rules="session-device-churn", **options)  # type: ignore[arg-type]


def passed_around(*stops: tuple[str, str], agent: str = FIREFOX, step: float = 60) -> list[Event]:
    """A login on the first device, and a use on each of the others: (device id, address)."""
    (device, ip), *rest = stops
    return [
        login("alice", at=0, ip=ip, agent=agent, device_id=device),
        *[use("alice", at=step * n, ip=ip, agent=agent, device_id=device) for n, (device, ip) in enumerate(rest, 1)],
    ]


FOUR_DEVICES = (("a", BERLIN), ("b", NEW_YORK), ("c", AMSTERDAM_HOSTING), ("d", BERLIN_CAFE))


def test_one_device_id_under_two_systems() -> None:
    churn(
        login("alice", at=0, device_id="d1"), use("alice", at=60, ip=NEW_YORK, agent=CHROME_WINDOWS, device_id="d1")
    ).then(alert("session-device-churn", "high", session="alice"))  # fmt: skip


def test_two_systems_on_two_devices_are_two_devices() -> None:
    churn(
        login("alice", at=0, device_id="d1"), use("alice", at=60, ip=NEW_YORK, agent=CHROME_WINDOWS, device_id="d2")
    ).silent()  # fmt: skip


def test_another_system_ten_minutes_later_is_no_churn() -> None:
    churn(login("alice", at=0, device_id="d1"), use("alice", at=541, agent=CHROME_WINDOWS, device_id="d1")).silent()


def test_the_window_counts_from_the_last_use_also_where_nothing_changed_since() -> None:
    browsing = [use("alice", at=60 * step, device_id="d1") for step in range(1, 20)]
    churn(
        login("alice", at=0, device_id="d1"), *browsing, use("alice", at=1200, agent=CHROME_WINDOWS, device_id="d1")
    ).then(alert("session-device-churn", "high"))  # fmt: skip


@pytest.mark.parametrize(
    ("agent", "posing"),
    [(SAFARI_IPHONE, SAFARI_MAC), (FIREFOX, FIREFOX_UBUNTU), (FIREFOX, FIREFOX_UPGRADED), (FIREFOX, CURL)],
    ids=["desktop site", "distribution", "upgrade", "no system told"],
)
def test_what_is_no_other_system(agent: str, posing: str) -> None:
    churn(
        login("alice", at=0, agent=agent, device_id="d1"), use("alice", at=60, agent=posing, device_id="d1")
    ).silent()  # fmt: skip


@pytest.mark.parametrize("device", [None, "-", "null", "Undefined", "00000000-0000-0000-0000-000000000000"])
def test_what_names_no_device_does_not_count(device: str | None) -> None:
    churn(
        login("alice", at=0, device_id=device), use("alice", at=60, ip=NEW_YORK, agent=CHROME_WINDOWS, device_id=device)
    ).silent()  # fmt: skip


def test_four_devices_on_several_networks() -> None:
    mixed = passed_around(*FOUR_DEVICES)
    mixed.append(use("alice", at=300, ip=NEW_YORK, agent=CHROME_WINDOWS, device_id="b"))
    churn(*mixed).then(alert("session-device-churn", "high"))


def test_three_devices_are_a_person_with_three_devices() -> None:
    churn(*passed_around(*FOUR_DEVICES[:3])).silent()


def test_four_devices_on_one_network_are_a_household() -> None:
    churn(*passed_around(*[(device, BERLIN) for device in "abcd"])).silent()


def test_one_client_that_keeps_no_device_id_is_low() -> None:
    churn(*passed_around(*FOUR_DEVICES)).then(alert("session-device-churn", "low"))


def test_devices_that_come_back_are_more_than_a_client_without_cookies() -> None:
    stops = [("a", BERLIN), ("b", NEW_YORK), ("a", BERLIN), ("c", NEW_YORK), ("d", NEW_YORK)]
    churn(*passed_around(*stops)).then(alert("session-device-churn", "medium"))


def test_a_commuter_who_keeps_no_device_id_is_silent_at_home_in_both_protocols() -> None:
    churn(*passed_around(("a", BERLIN), ("b", BERLIN_IPV6), ("c", BERLIN), ("d", BERLIN_IPV6))).silent()


def test_the_carriers_networks_are_one() -> None:
    churn(*passed_around(*zip("abcd", [MUNICH_CARRIER, MUNICH_CARRIER_2] * 2, strict=True))).silent()


def test_devices_of_more_than_an_hour_ago_do_not_count() -> None:
    churn(*passed_around(*FOUR_DEVICES, step=1300)).silent()


def test_devices_told_out_of_order() -> None:
    first, second, third, fourth = passed_around(*FOUR_DEVICES, step=40)
    churn(first, fourth, third, second).then(alert("session-device-churn"))


def test_the_devices_of_the_session_it_was_rotated_from_count() -> None:
    first, *rest = passed_around(*FOUR_DEVICES[:3])
    churn(
        first, *rest,
        rotation("alice", at=200, session="second", parent="alice", ip=BERLIN_CAFE, device_id="d"),
    ).then(alert("session-device-churn", session="second"))  # fmt: skip


def test_a_new_login_begins_anew() -> None:
    churn(
        login("alice", at=0, device_id="d1"), login("alice", at=60, agent=CHROME_WINDOWS, device_id="d1"),
        use("alice", at=70, agent=CHROME_WINDOWS, device_id="d1"),
    ).silent()  # fmt: skip


def test_the_thresholds_are_parameters_by_app() -> None:
    lenient = RuleSetting(by_app={"bank": RuleSetting(DeviceChurnParameters(devices=5))})
    churn(*passed_around(*FOUR_DEVICES), settings={"session-device-churn": lenient}).silent()


def test_networks_count_by_provider_and_protocol() -> None:
    home = Place("192.0.2.0/24", 4, "DE", asn=1)
    assert distinct_places([home, Place("2001:db8::/64", 6, "DE", asn=1)]) == 1
    assert distinct_places([home, Place("192.0.3.0/24", 4, "DE", asn=1)]) == 2
    assert distinct_places([home, Place("192.0.9.0/24", 4, "DE", asn=2, network_type="vpn"), Place()]) == 2
