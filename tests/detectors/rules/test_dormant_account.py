from __future__ import annotations

import pytest

from detectors.plan import RuleSetting
from detectors.rules.dormant_account import DormantAccountParameters
from schemas.instant import DAY, SECOND
from tests.detectors.story import (
    BERLIN,
    BERLIN_IPV6,
    MUNICH_CARRIER,
    NEW_YORK,
    OFFICE,
    STOCKHOLM_VPN,
    Story,
    alert,
    days_of,
    given,
    login,
    logout,
    refused,
    use,
)

DAY_S = DAY // SECOND


def judged(*stream: object, **options: object) -> Story:
    return given(*stream, rules="dormant-account", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("silence", [91, 120, 300])
def test_a_success_after_three_months(silence: int) -> None:
    judged(*days_of("alice", 5, until=silence), login("alice", at=0)).then(
        alert("dormant-account", "low", user="alice")
    )


def test_a_session_taken_up_again_after_three_months() -> None:
    judged(login("alice", at=-100 * DAY_S), use("alice", at=0, ip=NEW_YORK)).then(alert("dormant-account", "low"))


def test_only_the_first_success_wakes_it() -> None:
    judged(login("alice", at=-100 * DAY_S), *[login("alice", at=at) for at in (0, 700, 90_000)]).then(
        alert("dormant-account", hits=1)
    )


def test_out_of_order_the_earlier_success_wakes_it() -> None:
    judged(login("alice", at=-100 * DAY_S), use("alice", at=60, session="b"), login("alice", at=0, session="a")).then(
        alert("dormant-account", session="a", hits=1)
    )


def test_told_late_nothing_slept() -> None:
    judged(login("alice", at=0), use("alice", at=-100 * DAY_S, session="spooled")).silent()


def test_eighty_nine_days_are_a_long_leave() -> None:
    judged(login("alice", at=-89 * DAY_S), login("alice", at=0)).silent()


def test_failures_and_ends_in_between_are_no_successes() -> None:
    judged(
        login("alice", at=-100 * DAY_S),
        refused("alice", at=-50 * DAY_S, reason="bad_credentials"),
        logout("alice", at=-40 * DAY_S),
        login("alice", at=0, session="new"),
    ).then(alert("dormant-account"))


def test_a_new_account_was_never_awake() -> None:
    judged(refused("alice", at=-1, reason="bad_credentials"), login("alice", at=0)).silent()


def test_another_silence() -> None:
    setting = RuleSetting(DormantAccountParameters(silence="30d"))
    judged(login("alice", at=-31 * DAY_S), login("alice", at=0), settings={"dormant-account": setting}).then(
        alert("dormant-account")
    )


AWAY = days_of("alice", 5, until=120, device_id="d-own")


def test_a_stranger_on_a_new_line_is_medium() -> None:
    judged(*AWAY, login("alice", at=0, ip=NEW_YORK, device_id="d-new")).then(alert("dormant-account", "medium"))


@pytest.mark.parametrize(
    ("place", "device_id"),
    [
        (BERLIN, "d-new"),
        (BERLIN_IPV6, "d-new"),
        (NEW_YORK, "d-own"),
        (MUNICH_CARRIER, "d-new"),
        (OFFICE, "d-new"),
        (STOCKHOLM_VPN, "d-new"),
        ("10.1.2.3", "d-new"),
        (None, "d-new"),
    ],
    ids=["the old line", "the old provider", "the old device", "a carrier", "an office", "a VPN", "unknown", "none"],
)
def test_who_comes_back_has_something_of_old_or_is_on_the_way(place: str | None, device_id: str) -> None:
    judged(*AWAY, login("alice", at=0, ip=place, device_id=device_id)).then(alert("dormant-account", "low"))
