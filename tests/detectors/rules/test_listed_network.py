from __future__ import annotations

from detectors.lists import NetworkList
from detectors.plan import RuleSetting
from detectors.rules.listed_network import ListedNetworkParameters
from schemas.event import Event
from schemas.instant import DAY, SECOND
from tests.detectors.crowds import attempt
from tests.detectors.story import AMSTERDAM_HOSTING, BERLIN, NEW_YORK, START_US, Story, alert, given, login, use

BLOCKED = NetworkList(
    name="blocked", owner="soc", expires_us=START_US + DAY, severity="high", cidrs=("203.0.113.0/24",)
)
WATCHED = NetworkList(name="watched", owner="fraud", expires_us=START_US + 60 * SECOND, severity="low", asns=(64_530,))


def listed(*stream: Event, lists: tuple[NetworkList, ...] = (BLOCKED, WATCHED), by_app: bool = False) -> Story:
    setting = RuleSetting(ListedNetworkParameters(lists=lists))
    if by_app:
        setting = RuleSetting(by_app={"bank": setting})
    return given(*stream, rules="listed-network", settings={"listed-network": setting})


def test_a_sign_in_from_a_listed_range() -> None:
    (found,) = listed(login("alice", 0, AMSTERDAM_HOSTING)).alerts
    assert found.severity == "high"
    assert "blocked (kept by soc)" in found.summary


def test_a_session_that_moves_to_a_listed_system() -> None:
    listed(login("alice", 0), use("alice", 30, NEW_YORK)).then(alert("listed-network", "low", user="alice"))


def test_a_list_that_has_ended_says_nothing() -> None:
    listed(login("alice", 0), use("alice", 60, NEW_YORK)).silent()


def test_an_event_told_late_is_held_against_the_list_of_its_own_time() -> None:
    listed(login("alice", 0), use("alice", 300, BERLIN), use("alice", 30, NEW_YORK)).then(
        alert("listed-network", "low", late=True)
    )


def test_told_out_of_order_it_is_the_same() -> None:
    listed(use("alice", 30, AMSTERDAM_HOSTING), login("alice", 0)).then(alert("listed-network", hits=1))


def test_other_networks_are_silent() -> None:
    listed(login("alice", 0), use("alice", 10)).silent()


def test_a_failure_is_no_success() -> None:
    listed(attempt("alice", 0, AMSTERDAM_HOSTING)).silent()


def test_staying_there_is_no_news() -> None:
    stay = [use("alice", number, AMSTERDAM_HOSTING) for number in range(1, 20)]
    listed(login("alice", 0, AMSTERDAM_HOSTING), *stay).then(alert("listed-network", hits=1))


def test_without_a_list_nothing_is_listed() -> None:
    given(login("alice", 0, AMSTERDAM_HOSTING), rules="listed-network").silent()


def test_lists_are_given_by_app() -> None:
    listed(login("alice", 0, AMSTERDAM_HOSTING), by_app=True).then(alert("listed-network"))
    listed(login("alice", 0, AMSTERDAM_HOSTING, app="shop"), by_app=True).silent()
