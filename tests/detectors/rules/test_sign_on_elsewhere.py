from __future__ import annotations

import random

import pytest

from detectors.plan import RuleSetting
from detectors.rules.sign_on_elsewhere import SignOnElsewhereParameters
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    BERLIN,
    BERLIN_CAFE,
    BERLIN_IPV6,
    CHROME_WINDOWS,
    FIREFOX_UPGRADED,
    MUNICH_CARRIER,
    MUNICH_CARRIER_2,
    NEW_YORK,
    OFFICE,
    SAFARI_IPHONE,
    STOCKHOLM_VPN,
    Story,
    alert,
    days_of,
    given,
    login,
    logout,
    rotation,
    use,
)

CORPORATE = Apps({
    name: AppPolicy(name, kind="sso", realm="corporate", clock_skew_us=0) for name in ("portal", "wiki", "mail")
})  # fmt: skip


def sign_on(at: float = 0, **fields: object) -> Event:
    return login("alice", at, session="portal", app="portal", **fields)  # type: ignore[arg-type]


def opened(at: float, app: str = "wiki", **fields: object) -> Event:
    """An app below the sign-on is opened."""
    named = {"session": app, "parent_session_id": "s_portal", "reason": "sso", **fields}
    return login("alice", at, app=app, **named)  # type: ignore[arg-type]


def judged(*stream: Event, **options: object) -> Story:
    return given(*stream, rules="sign-on-elsewhere", apps=CORPORATE, **options)  # type: ignore[arg-type]


def test_an_app_opened_elsewhere_with_another_client() -> None:
    judged(sign_on(), opened(600, ip=BERLIN_CAFE, agent=CHROME_WINDOWS)).then(
        alert("sign-on-elsewhere", "high", user="alice", session="wiki")
    )


@pytest.mark.parametrize(
    ("place", "severity"),
    [(NEW_YORK, "high"), (BERLIN_CAFE, "medium"), (MUNICH_CARRIER, "low"), (STOCKHOLM_VPN, "low")],
)
def test_with_the_same_client_the_network_decides(place: str, severity: str) -> None:
    judged(sign_on(), opened(600, ip=place, agent=FIREFOX_UPGRADED)).then(alert("sign-on-elsewhere", severity))


def test_through_the_organisations_own_way_out_it_is_silent() -> None:
    judged(sign_on(), opened(600, ip=OFFICE)).silent()
    setting = RuleSetting(SignOnElsewhereParameters(corporate=("198.51.100.0/24",)))
    judged(sign_on(), opened(600, ip=NEW_YORK), settings={"sign-on-elsewhere": setting}).silent()


def test_a_line_that_is_new_for_the_user_is_medium() -> None:
    month = days_of("alice", 5, ip=OFFICE, app="portal")
    away = opened(600, ip=MUNICH_CARRIER)
    judged(*month, sign_on(ip=OFFICE), away).then(alert("sign-on-elsewhere", "medium"))
    known = days_of("alice", 1, until=5, ip=MUNICH_CARRIER_2, app="portal")
    judged(*known, *month, sign_on(ip=OFFICE), away).then(alert("sign-on-elsewhere", "low"))


def test_with_little_known_of_the_user_no_line_is_new() -> None:
    month = days_of("alice", 2, hours=(9,), ip=OFFICE, app="portal")
    judged(*month, sign_on(ip=OFFICE), opened(600, ip=MUNICH_CARRIER)).then(alert("sign-on-elsewhere", "low"))


def test_every_app_that_was_opened_is_told() -> None:
    judged(sign_on(), *[opened(600 + number, app, ip=NEW_YORK) for number, app in enumerate(("wiki", "mail"))]).then(
        alert("sign-on-elsewhere", session="wiki"), alert("sign-on-elsewhere", session="mail")
    )


def test_told_before_the_sign_on_and_out_of_order() -> None:
    stream = [sign_on(), opened(30), opened(90, "mail", ip=NEW_YORK, agent=CHROME_WINDOWS)]
    random.Random(1).shuffle(stream)
    judged(*stream).then(alert("sign-on-elsewhere", "high", session="mail"))


def test_whoever_moves_to_another_place_is_silent() -> None:
    judged(sign_on(), opened(1_801, ip=NEW_YORK)).silent()


def test_in_use_at_the_first_place_until_just_now_is_not_moving() -> None:
    stay = [opened(60), use("alice", 3_000, session="wiki", app="wiki")]
    judged(sign_on(), *stay, opened(3_600, "mail", ip=NEW_YORK)).then(alert("sign-on-elsewhere", "high"))


def test_how_long_counts_is_a_parameter() -> None:
    setting = RuleSetting(SignOnElsewhereParameters(window="2h"))
    judged(sign_on(), opened(3_600, ip=NEW_YORK), settings={"sign-on-elsewhere": setting}).then(
        alert("sign-on-elsewhere", "high")
    )


@pytest.mark.parametrize("place", [BERLIN, "192.0.2.200", BERLIN_IPV6])
def test_at_home_any_client_opens_apps_in_silence(place: str) -> None:
    judged(sign_on(device_id="portal-1"), opened(600, ip=place, agent=SAFARI_IPHONE, device_id="wiki-1")).silent()


def test_without_an_agent_nothing_is_said_of_the_client() -> None:
    judged(sign_on(agent=None), opened(600, ip=BERLIN_CAFE)).then(alert("sign-on-elsewhere", "medium"))
    judged(sign_on(), opened(600, ip=BERLIN_CAFE, agent=None)).then(alert("sign-on-elsewhere", "medium"))


def test_a_client_of_the_apps_own_is_no_other_one() -> None:
    setting = RuleSetting(SignOnElsewhereParameters(internal_clients=("Safari",)))
    judged(
        sign_on(), opened(3_600, ip=BERLIN_CAFE, agent=CHROME_WINDOWS), settings={"sign-on-elsewhere": setting}
    ).silent()


def test_an_unknown_address_is_no_other_place() -> None:
    judged(sign_on(), opened(600, ip=None, agent=CHROME_WINDOWS)).silent()
    judged(sign_on(ip=None), opened(600, ip=NEW_YORK, agent=CHROME_WINDOWS)).silent()


def test_a_sign_on_that_nobody_has_seen_is_no_measure() -> None:
    judged(opened(600, ip=NEW_YORK, agent=CHROME_WINDOWS)).silent()


def test_after_its_end_the_sign_on_is_another_rules_matter() -> None:
    ended = logout("alice", 300, session="portal", app="portal")
    judged(sign_on(), ended, opened(600, ip=NEW_YORK, agent=CHROME_WINDOWS)).silent()


def test_a_rotation_is_no_opening() -> None:
    turned = rotation("alice", 600, session="next", parent="portal", ip=NEW_YORK, agent=CHROME_WINDOWS, app="portal")
    judged(sign_on(), turned).silent()


def test_a_rented_server_with_the_same_client() -> None:
    judged(sign_on(), opened(600, ip=AMSTERDAM_HOSTING)).then(alert("sign-on-elsewhere", "high"))


OFFICE_DAY = [
    *days_of("alice", 5, ip=OFFICE, app="portal"),
    sign_on(ip=MUNICH_CARRIER),
    opened(30, ip=MUNICH_CARRIER),
    use("alice", 10_000, ip=OFFICE, session="wiki", app="wiki"),
]
"""Signed on in the train; at work since."""


def test_where_the_user_has_gone_since_counts_too() -> None:
    judged(*OFFICE_DAY, opened(10_600, "mail", ip=BERLIN)).then(
        alert("sign-on-elsewhere", "medium", user="alice", session="mail")
    )
    judged(*OFFICE_DAY, opened(11_800, "mail", ip=BERLIN)).then(alert("sign-on-elsewhere"))
    judged(*OFFICE_DAY, opened(11_801, "mail", ip=BERLIN)).silent()


def test_a_line_of_the_users_is_where_they_may_go() -> None:
    known = days_of("alice", 1, until=5, ip=BERLIN_IPV6, app="portal")
    judged(*known, *OFFICE_DAY, opened(10_600, "mail", ip=BERLIN)).silent()


@pytest.mark.parametrize("place", [STOCKHOLM_VPN, "192.0.9.9"])
def test_on_the_way_or_by_a_switch_no_line_is_new(place: str) -> None:
    judged(*OFFICE_DAY, opened(10_600, "mail", ip=place)).silent()


def test_whoever_comes_from_the_way_may_sit_down_anywhere() -> None:
    train = use("alice", 10_000, ip=MUNICH_CARRIER_2, session="wiki", app="wiki")
    judged(*days_of("alice", 5, ip=OFFICE, app="portal"), sign_on(), train, opened(10_600, "mail", ip=OFFICE)).silent()
    judged(
        *days_of("alice", 5, ip=OFFICE, app="portal"), sign_on(ip=OFFICE), train, opened(10_600, "mail", ip=BERLIN)
    ).silent()


def test_another_clients_use_is_no_measure_of_where_the_user_is() -> None:
    phone = use("alice", 10_000, ip=OFFICE, session="wiki", app="wiki", agent=SAFARI_IPHONE)
    judged(*OFFICE_DAY[:-1], phone, opened(10_600, "mail", ip=BERLIN)).silent()
