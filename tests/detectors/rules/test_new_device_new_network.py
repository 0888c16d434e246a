from __future__ import annotations

from detectors.plan import RuleSetting
from detectors.rules.new_device_new_network import NewDeviceNewNetworkParameters
from schemas.instant import DAY, SECOND
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    BERLIN,
    BERLIN_CAFE,
    BERLIN_IPV6,
    CHROME_WINDOWS,
    CURL,
    FIREFOX_UPGRADED,
    NEW_YORK,
    SAFARI_IPHONE,
    STOCKHOLM_RELAY,
    STOCKHOLM_VPN,
    Story,
    alert,
    days_of,
    given,
    login,
    use,
)

DAY_S = DAY // SECOND
MONTH = days_of("alice", 28, device_id="laptop")
UNNAMED = days_of("alice", 28)
LONG = NewDeviceNewNetworkParameters(baseline="60d")


def judged(*stream: object, **options: object) -> Story:
    return given(*stream, rules="new-device-new-network", **options)  # type: ignore[arg-type]


def test_an_unknown_device_in_a_hosting_network() -> None:
    intruder = login("alice", at=0, session="other", ip=AMSTERDAM_HOSTING, agent=CHROME_WINDOWS, device_id="box")
    judged(*MONTH, intruder).then(alert("new-device-new-network", "high", user="alice", session="other"))


def test_an_unknown_device_in_a_new_country() -> None:
    intruder = login("alice", at=0, ip=NEW_YORK, device_id="box")
    judged(*MONTH, intruder).then(alert("new-device-new-network", "high"))


def test_a_running_session_that_turns_up_elsewhere() -> None:
    judged(*MONTH, login("alice", at=0, device_id="laptop"), use("alice", at=60, ip=NEW_YORK, device_id="box")).then(
        alert("new-device-new-network", "high")
    )


def test_told_late_and_out_of_order() -> None:
    judged(*MONTH, login("alice", at=700, device_id="laptop"), login("alice", at=0, ip=NEW_YORK, device_id="box")).then(
        alert("new-device-new-network", "high", late=True)
    )


def test_further_uses_of_the_session_are_no_further_hits() -> None:
    uses = [use("alice", at=at, ip=NEW_YORK, device_id="box") for at in (60, 4000, 9000)]
    judged(*MONTH, login("alice", at=0, ip=NEW_YORK, device_id="box"), *uses).then(
        alert("new-device-new-network", hits=1)
    )


def test_without_device_ids_another_client_is_medium() -> None:
    judged(*UNNAMED, login("alice", at=0, ip=NEW_YORK, agent=CHROME_WINDOWS)).then(
        alert("new-device-new-network", "medium")
    )


def test_without_an_autonomous_system_it_is_a_tier_lower() -> None:
    # The offline list knows the country of this address, and nothing else.
    judged(*MONTH, login("alice", at=0, ip="8.8.8.8", device_id="box")).then(alert("new-device-new-network", "medium"))
    judged(*UNNAMED, login("alice", at=0, ip="8.8.8.8", agent=CURL)).then(alert("new-device-new-network", "low"))


def test_a_new_phone_on_the_home_network_is_silent() -> None:
    judged(*MONTH, login("alice", at=0, ip=BERLIN, agent=SAFARI_IPHONE, device_id="phone")).silent()


def test_the_other_protocol_of_the_home_network_is_silent() -> None:
    judged(*MONTH, login("alice", at=0, ip=BERLIN_IPV6, agent=SAFARI_IPHONE, device_id="phone")).silent()


def test_a_journey_with_the_known_device_is_silent() -> None:
    judged(*MONTH, login("alice", at=0, ip=NEW_YORK, device_id="laptop")).silent()


def test_a_train_of_browser_upgrades_is_silent() -> None:
    judged(*UNNAMED, login("alice", at=0, ip=NEW_YORK, agent=FIREFOX_UPGRADED)).silent()


def test_a_new_device_in_a_cafe_at_home_is_silent() -> None:
    judged(*MONTH, login("alice", at=0, ip=BERLIN_CAFE, device_id="phone")).silent()


def test_a_device_bought_yesterday_is_known_today() -> None:
    judged(
        *MONTH,
        login("alice", at=-DAY_S / 2, session="bought", device_id="phone"),
        login("alice", at=0, ip=NEW_YORK, device_id="phone"),
    ).silent()


def test_nothing_that_names_a_device_is_no_new_one() -> None:
    judged(*UNNAMED, login("alice", at=0, ip=NEW_YORK, agent=None)).silent()


def test_after_one_or_two_logins_it_is_a_sign_and_no_more() -> None:
    for days in (1, 2):
        judged(*days_of("alice", days, hours=(9,)), login("alice", at=0, ip=NEW_YORK, device_id="box")).then(
            alert("new-device-new-network", "low")
        )


def test_the_first_day_only_teaches() -> None:
    judged(login("alice", at=-3600), login("alice", at=0, session="box", ip=NEW_YORK, device_id="box")).silent()


def test_a_relay_is_no_reason_of_its_own() -> None:
    phone = login("alice", at=0, session="phone", ip=STOCKHOLM_RELAY, agent=SAFARI_IPHONE, device_id="phone")
    abroad = days_of("alice", 1, until=28, ip="198.18.8.77", device_id="laptop")
    judged(*abroad, *MONTH, phone, settings={"new-device-new-network": RuleSetting(LONG)}).silent()
    judged(*MONTH, phone).then(alert("new-device-new-network", "high"))


def test_the_vpn_of_the_organisation_is_silent_once_it_is_named() -> None:
    vpn = login("alice", at=0, ip=STOCKHOLM_VPN, device_id="box")
    judged(*MONTH, vpn).then(alert("new-device-new-network", "high"))
    setting = RuleSetting(NewDeviceNewNetworkParameters(corporate=("198.18.8.0/24",)))
    judged(*MONTH, vpn, settings={"new-device-new-network": setting}).silent()


def test_more_logins_to_learn_from() -> None:
    setting = RuleSetting(NewDeviceNewNetworkParameters(learn=40))
    intruder = login("alice", at=0, ip=NEW_YORK, device_id="box")
    judged(*MONTH, intruder, settings={"new-device-new-network": setting}).then(alert("new-device-new-network", "low"))


def test_whoever_hides_often_gives_a_sign_and_no_more() -> None:
    hidden = days_of("alice", 3, until=28, ip=AMSTERDAM_HOSTING, device_id="laptop")
    vpn = login("alice", at=0, ip=STOCKHOLM_VPN, device_id="box")
    first = alert("new-device-new-network", "low", session="alice-30-laptop")
    judged(*hidden[2:], *MONTH, vpn).then(first, alert("new-device-new-network", "high"))
    first = alert("new-device-new-network", "low", session="alice-31-laptop")
    judged(*hidden, *MONTH, vpn).then(first, alert("new-device-new-network", "low"))
    judged(*hidden, *MONTH, login("alice", at=0, ip=NEW_YORK, device_id="box")).then(
        first, alert("new-device-new-network", "high")
    )


def test_the_first_sight_of_a_user_is_in_a_rented_server() -> None:
    robot = [login("svc", at=60 * turn, session=f"s{turn}", ip=AMSTERDAM_HOSTING, agent=CURL) for turn in range(3)]
    judged(*robot).then(alert("new-device-new-network", "low", user="svc", hits=1))
    again = [login("svc", at=DAY_S + 60 * turn, session=f"t{turn}", ip=AMSTERDAM_HOSTING) for turn in range(3)]
    judged(*robot, *again).then(alert("new-device-new-network", "low", hits=1))


def test_the_first_sight_of_a_user_anywhere_else_is_nothing() -> None:
    for place in (STOCKHOLM_VPN, STOCKHOLM_RELAY, NEW_YORK):
        judged(login("alice", at=0, ip=place)).silent()
    judged(login("alice", at=0), login("alice", at=60, session="b", ip=AMSTERDAM_HOSTING)).silent()
    setting = RuleSetting(NewDeviceNewNetworkParameters(corporate=("203.0.113.0/24",)))
    judged(login("alice", at=0, ip=AMSTERDAM_HOSTING), settings={"new-device-new-network": setting}).silent()
