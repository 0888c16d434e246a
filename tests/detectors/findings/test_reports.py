"""App reports: one alert a day for how an app keeps its own policy."""

from __future__ import annotations

from collections.abc import Mapping

from detectors.plan import Plan, RuleSetting
from detectors.rules import BUILTIN
from detectors.rules.logout_not_server_side import LogoutNotServerSide
from schemas.alert import Alert
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import HOUR, MINUTE
from tests.detectors.story import final_alerts, login, logout, new_detection, refused, use

DAY_S = 86_400
APPS = Apps({"bank": AppPolicy("bank", clock_skew_us=0, idle_timeout_us=10 * MINUTE, absolute_timeout_us=12 * HOUR)})


def judged(*stream: Event, settings: Mapping[str, RuleSetting] | None = None) -> dict[str, Alert]:
    """Return the final alerts by rule; the last of each."""
    stage = new_detection(Plan(settings, rules=BUILTIN), APPS)
    found = final_alerts([stage.process(stream).changes, stage.finish().changes])
    return {alert.rule_id: alert for alert in found.values()}


def idle_for_an_hour(user: str, at: float) -> list[Event]:
    return [login(user, at=at), use(user, at=at + 3_600)]


def used_after_logout(user: str, at: float) -> list[Event]:
    return [login(user, at=at), logout(user, at=at + 60), use(user, at=at + 200)]


def logged_out(user: str, at: float) -> list[Event]:
    return [login(user, at=at), logout(user, at=at + 60)]


def test_a_finding_is_told_about_the_app_at_once() -> None:
    report = judged(*idle_for_an_hour("alice", 0))["idle-timeout-not-enforced"]
    assert (report.key_kind, report.key_value, report.hits, report.session_id) == ("app", "bank", 1, None)
    assert report.summary.endswith("1 sessions of bank on 2026-11-01, the first s_alice")


def test_findings_of_a_day_are_one_alert() -> None:
    stream = [event for number in range(30) for event in idle_for_an_hour(f"user{number:02}", number)]
    report = judged(*stream)["idle-timeout-not-enforced"]
    assert report.hits == 30
    assert len(report.evidence) == 20
    assert report.evidence[0].fact.startswith("s_user00: ")


def test_two_days_are_two_alerts() -> None:
    stage = new_detection(Plan(rules=BUILTIN), APPS)
    stream = [*idle_for_an_hour("alice", 0), *idle_for_an_hour("bob", DAY_S)]
    found = final_alerts([stage.process(stream).changes, stage.finish().changes])
    assert [alert.rule_id for alert in found.values()].count("idle-timeout-not-enforced") == 2


def test_a_finding_that_no_longer_follows_takes_the_report_along() -> None:
    """The use that breaks the gap is told last."""
    stage = new_detection(Plan(rules=BUILTIN), APPS)
    before = [login("alice", at=0), *(use("alice", at=seconds) for seconds in range(500, 3_000, 480))]
    first = stage.process([*before, use("alice", at=3_600)]).changes
    assert [change.kind for change in first] == ["raised"]
    assert [change.kind for change in stage.process([use("alice", at=3_450)]).changes] == ["withdrawn"]


def test_a_logout_that_ends_nothing_is_told_as_a_share() -> None:
    kept = [event for number in range(16) for event in logged_out(f"good{number}", number)]
    broken = [event for number in range(4) for event in used_after_logout(f"bad{number}", number)]
    report = judged(*kept, *broken)["logout-not-server-side"]
    assert report.hits == 4
    assert "4 of 20 sessions that were logged out were used again" in report.summary
    assert report.severity == LogoutNotServerSide.severity


def test_a_share_of_a_few_sessions_says_nothing() -> None:
    broken = [event for number in range(19) for event in used_after_logout(f"bad{number}", number)]
    assert "logout-not-server-side" not in judged(*broken)


def test_a_small_share_is_not_told() -> None:
    kept = [event for number in range(39) for event in logged_out(f"good{number}", number)]
    assert "logout-not-server-side" not in judged(*kept, *used_after_logout("bad", 0))


def test_sessions_without_an_end_are_told_when_they_must_have_ended() -> None:
    begun = [login(f"user{number}", at=number) for number in range(30)]
    later = login("tomorrow", at=2 * DAY_S)
    assert "sessions-without-end" not in judged(*begun)
    assert judged(*begun, later)["sessions-without-end"].hits == 30


def test_an_end_on_the_next_day_is_an_end() -> None:
    begun = [login(f"user{number}", at=number) for number in range(30)]
    ended = [logout(f"user{number}", at=DAY_S * 0.4 + number) for number in range(30)]
    assert "sessions-without-end" not in judged(*begun, *ended, login("tomorrow", at=2 * DAY_S))


def test_an_expiry_under_the_hands_of_the_user() -> None:
    stream: list[Event] = []
    for number in range(20):
        user = f"user{number}"
        stream += [login(user, at=number), use(user, at=500 + number), refused(user, 560 + number, "expired_idle")]
    report = judged(*stream)["expiry-in-use"]
    assert (report.hits, str(report.severity)) == (20, "info")


def test_an_expiry_of_a_session_that_nobody_uses_is_ordinary() -> None:
    stream: list[Event] = []
    for number in range(20):
        user = f"user{number}"
        stream += [login(user, at=number), refused(user, 1_300 + number, "expired_idle")]
    assert "expiry-in-use" not in judged(*stream)


def test_a_report_counts_into_nobodys_risk() -> None:
    stage = new_detection(Plan(rules=BUILTIN), APPS)
    assert stage.process(idle_for_an_hour("alice", 0)).risks == []
