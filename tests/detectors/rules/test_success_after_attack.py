"""success-after-attack: a sign-in is held against the attacks around it."""

from __future__ import annotations

from schemas.event import Event
from tests.detectors.story import (
    BERLIN,
    BERLIN_CAFE,
    CHROME_WINDOWS,
    FIREFOX,
    NEW_YORK,
    Story,
    alert,
    given,
    login,
    refused,
)

DAY_S = 86_400
RULES = ["success-after-attack", "brute-force-user", "password-spray"]
OWN = {"ip": BERLIN, "agent": FIREFOX, "device_id": "d-own"}
THIEF = {"ip": BERLIN_CAFE, "agent": CHROME_WINDOWS, "device_id": "d-thief"}


def refused_without_session(user: str, at: float, ip: str) -> Event:
    return refused(user, at, "bad_credentials", ip=ip, agent=CHROME_WINDOWS)


def history(user: str = "alice") -> list[Event]:
    """Three days of ordinary life."""
    return [login(user, at=-days * DAY_S, session=f"{user}-{days}", **OWN) for days in (3, 2, 1)]


def held(*stream: Event) -> Story:
    story = given(*history(), *stream, rules=RULES)
    story.alerts = [found for found in story.alerts if found.rule_id == "success-after-attack"]
    return story


def wrong(user: str, at: float, count: int = 12, ip: str = BERLIN_CAFE) -> list[Event]:
    return [refused_without_session(user, at + 10 * number, ip) for number in range(count)]


def test_the_guessed_password_from_a_new_device() -> None:
    held(*wrong("alice", 0), login("alice", at=300, **THIEF)).then(
        alert("success-after-attack", "high", user="alice", session="alice")
    )


def test_told_before_the_attack_that_it_follows() -> None:
    held(login("alice", at=130, **THIEF), *wrong("alice", 0)).then(alert("success-after-attack", "high"))


def test_the_users_own_device_is_info() -> None:
    held(*wrong("alice", 0), login("alice", at=300, **OWN)).then(alert("success-after-attack", "info"))


def test_the_users_own_device_elsewhere_is_info_too() -> None:
    held(*wrong("alice", 0), login("alice", at=300, ip=NEW_YORK, device_id="d-own")).then(
        alert("success-after-attack", "info")
    )


def test_without_any_history_new_means_little() -> None:
    story = given(*wrong("alice", 0), login("alice", at=300, **THIEF), rules=RULES)
    assert [str(one.severity) for one in story.alerts if one.rule_id == "success-after-attack"] == ["medium"]


def test_a_success_before_the_attack_is_none_after_it() -> None:
    held(login("alice", at=-60, **THIEF), *wrong("alice", 0)).silent()


def test_three_hours_later_it_is_over() -> None:
    held(*wrong("alice", 0), login("alice", at=110 + 3 * 3_600 + 1, **THIEF)).silent()


def test_without_an_attack_a_new_device_is_no_matter() -> None:
    held(*wrong("alice", 0, count=3), login("alice", at=300, **THIEF)).silent()


def test_an_attack_on_somebody_else_is_no_matter() -> None:
    held(*wrong("bob", 0), login("alice", at=300, **THIEF)).silent()


def test_the_one_success_of_a_spray() -> None:
    """Nobody failed as alice: her password was right at the first try."""
    spray = [refused_without_session(f"user{number}", number, BERLIN_CAFE) for number in range(30)]
    held(*spray, login("alice", at=40, **THIEF)).then(alert("success-after-attack", "high", user="alice"))


def test_a_success_elsewhere_after_a_spray_from_which_the_user_was_refused() -> None:
    spray = [refused_without_session(f"user{number}", number, NEW_YORK) for number in range(30)]
    stream = [*spray, refused_without_session("alice", 15, NEW_YORK), login("alice", at=200, **THIEF)]
    held(*stream).then(alert("success-after-attack", "high"))
    held(*spray, login("alice", at=200, **THIEF)).silent()


def test_it_names_the_attack_and_its_evidence() -> None:
    [found] = held(*wrong("alice", 0), login("alice", at=300, **THIEF)).alerts
    assert found.summary.endswith("after brute-force-user")
    assert "failed from" in found.evidence[0].fact
    assert found.evidence[-1].fact.startswith("signed in")
