"""risky-change: a sensitive act is held against the signs before it."""

from __future__ import annotations

from detectors.plan import RuleSetting
from detectors.rules.risky_change import RiskyChangeParameters
from schemas.event import Event
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    BERLIN,
    CURL,
    FIREFOX,
    NEW_YORK,
    STOCKHOLM_VPN,
    Story,
    alert,
    given,
    login,
    use,
)

DAY_S = 86_400
RULES = ["risky-change", "session-hijack", "session-multi-network"]
OWN = {"ip": BERLIN, "agent": FIREFOX, "device_id": "d-own"}
THIEF = {"ip": NEW_YORK, "agent": CURL, "device_id": "d-thief"}


def history() -> list[Event]:
    """Three days of ordinary life."""
    return [login("alice", at=-days * DAY_S, session=f"alice-{days}", **OWN) for days in (3, 2, 1)]


def held(*stream: Event, settings: dict[str, RuleSetting] | None = None) -> Story:
    story = given(*history(), login("alice", at=0, **OWN), *stream, rules=RULES, settings=settings)
    story.alerts = [found for found in story.alerts if found.rule_id == "risky-change"]
    return story


def test_the_thief_changes_the_password() -> None:
    held(use("alice", at=60, **THIEF), use("alice", at=90, action="password", **THIEF)).then(
        alert("risky-change", "high", user="alice", session="alice", hits=1)
    )


def test_the_act_is_told_before_the_sign() -> None:
    held(use("alice", at=90, action="password", **THIEF), use("alice", at=60, **THIEF)).then(
        alert("risky-change", "high")
    )


def test_the_act_itself_is_the_sign() -> None:
    held(use("alice", at=60, action="email", **THIEF)).then(alert("risky-change", "high"))


def test_in_another_session_of_the_user() -> None:
    stream = [use("alice", at=60, **THIEF), login("alice", at=70, session="second", **THIEF)]
    held(*stream, use("alice", at=90, session="second", action="payout", **THIEF)).then(
        alert("risky-change", "high", session="second")
    )


def test_on_the_users_own_device_and_network_it_is_info() -> None:
    held(use("alice", at=60, **THIEF), use("alice", at=90, action="password", **OWN)).then(
        alert("risky-change", "info")
    )


def test_without_a_sign_it_is_nothing() -> None:
    held(use("alice", at=90, action="password", **OWN)).silent()
    held(login("alice", at=80, session="new", ip=AMSTERDAM_HOSTING, device_id="d-new")).silent()


def test_an_hour_after_the_sign_it_is_nothing() -> None:
    last = 60 + 3_600
    stream = [use("alice", at=60, **THIEF)]
    held(*stream, use("alice", at=last + 1, action="password", **OWN)).silent()
    held(*stream, use("alice", at=last, action="password", **OWN)).then(alert("risky-change"))


def test_before_the_sign_it_is_nothing() -> None:
    held(use("alice", at=30, action="password", **OWN), use("alice", at=60, **THIEF)).silent()


def test_a_sign_that_is_withdrawn_takes_it_along() -> None:
    """A login from there, told late, explains the other place."""
    stream = [use("alice", at=60, **THIEF), use("alice", at=90, action="password", **THIEF)]
    held(*stream, login("alice", at=59, ip=NEW_YORK, agent=CURL, device_id="d-thief")).silent()


def test_which_acts_are_sensitive_can_be_said() -> None:
    stream = [use("alice", at=60, **THIEF), use("alice", at=90, action="nickname", **THIEF)]
    held(*stream).silent()
    told = RuleSetting(RiskyChangeParameters.model_validate({"actions": ("nickname",)}))
    held(*stream, settings={"risky-change": told}).then(alert("risky-change", "high"))


def test_without_any_history_it_is_medium() -> None:
    stream = [login("bob", at=0, **OWN), use("bob", at=60, **THIEF), use("bob", at=90, action="password", **THIEF)]
    story = given(*stream, rules=RULES)
    assert [str(one.severity) for one in story.alerts if one.rule_id == "risky-change"] == ["medium"]


def beside(*stream: Event, past: list[Event] | None = None) -> Story:
    """The rules that tell of who the user is, beside risky-change."""
    rules = ["risky-change", "new-country", "new-device-new-network"]
    story = given(*(history() if past is None else past), *stream, rules=rules)
    story.alerts = [found for found in story.alerts if found.rule_id == "risky-change"]
    return story


def abroad(at: float = 0, **fields: object) -> list[Event]:
    """A session that begins in a country new to the user, and a payout in it."""
    named = {"session": "abroad", "ip": NEW_YORK, "agent": FIREFOX, **fields}
    return [login("alice", at=0, **named), use("alice", at=at, action="payout", **named)]  # type: ignore[arg-type]


def test_in_a_new_country_with_the_users_kind_of_client_it_is_medium() -> None:
    beside(*abroad(60)).then(alert("risky-change", "medium", session="abroad"))


def test_in_a_rented_server_with_the_users_kind_of_client_it_is_medium() -> None:
    story = given(*history(), *abroad(60, ip=AMSTERDAM_HOSTING), rules=["risky-change", "anonymiser-first-use"])
    story.then(alert("anonymiser-first-use", "low"), alert("risky-change", "medium"))
    story = given(*history(), *abroad(60, ip=STOCKHOLM_VPN), rules=["risky-change", "anonymiser-first-use"])
    story.then(alert("anonymiser-first-use", "low"))


def test_on_a_journey_with_the_users_device_it_is_nothing() -> None:
    beside(*abroad(60, device_id="d-own")).silent()


def test_a_new_country_of_another_session_is_no_sign() -> None:
    other = use("alice", at=60, session="home", action="payout", ip="192.0.3.5", agent=FIREFOX)
    beside(abroad()[0], login("alice", at=30, session="home", ip="192.0.3.5"), other).silent()


def test_waiting_makes_nobody_the_owner() -> None:
    beside(*abroad(11 * 3_600)).then(alert("risky-change", "medium"))
    beside(*abroad(13 * 3_600)).silent()


def test_how_long_a_session_stays_suspicious_is_a_parameter() -> None:
    setting = RuleSetting(RiskyChangeParameters(session_window="2h"))
    story = given(
        *history(), *abroad(3 * 3_600), rules=["risky-change", "new-country"], settings={"risky-change": setting}
    )
    assert {found.rule_id for found in story.alerts} == {"new-country"}


def test_of_an_unknown_user_in_a_rented_server_it_is_medium() -> None:
    stolen = {"session": "first", "ip": AMSTERDAM_HOSTING}
    beside(login("alice", at=0, **stolen), use("alice", at=60, action="email", **stolen), past=[]).then(  # type: ignore[arg-type]
        alert("risky-change", "medium")
    )
