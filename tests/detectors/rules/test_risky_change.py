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
