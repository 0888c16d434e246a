from __future__ import annotations

import pytest

from response.errors import PolicyRefused
from response.hours import parse_hours
from response.policy import Decision, Policy, PolicyLine
from schemas.alert import Mode, Severity
from schemas.instant import HOUR
from tests.response.given import APPS, alert

CRITICAL = frozenset({Severity.CRITICAL})


def policy(*lines: PolicyLine) -> Policy:
    return Policy(lines, APPS)


@pytest.mark.parametrize(
    ("severity", "actions"),
    [
        (Severity.CRITICAL, {"notify", "revoke_session"}),
        (Severity.HIGH, {"notify"}),
        (Severity.MEDIUM, {"notify"}),
        (Severity.LOW, {"record"}),
        (Severity.INFO, {"record"}),
    ],
)
def test_the_defaults_by_severity(severity: Severity, actions: set[str]) -> None:
    assert policy().decide(alert(severity=severity)).actions == actions


def test_the_first_matching_line_decides() -> None:
    first = PolicyLine(("record",), rules=frozenset({"session-hijack"}))
    second = PolicyLine(("notify", "revoke_session"), severities=CRITICAL)
    decision = policy(first, second).decide(alert())
    assert decision == Decision(frozenset({"record"}), 1, "policy line 1")


def test_what_no_line_matches_falls_to_the_defaults() -> None:
    other = PolicyLine(("record",), apps=frozenset({"shop"}))
    decision = policy(other).decide(alert())
    assert (decision.line, decision.why) == (None, "default")
    assert "revoke_session" in decision.actions


def test_a_line_matches_only_if_all_its_parts_do() -> None:
    line = PolicyLine(("record",), severities=CRITICAL, rules=frozenset({"session-hijack"}), apps=frozenset({"bank"}))
    assert line.matches(alert())
    assert not line.matches(alert(app="shop"))
    assert not line.matches(alert(severity=Severity.HIGH))
    assert not line.matches(alert(rule_id="user-multi-ip"))


@pytest.mark.parametrize("mode", ["shadow", "off"])
def test_a_shadow_rule_is_recorded_and_nobody_is_told(mode: Mode) -> None:
    line = PolicyLine(("notify", "revoke_session"))
    assert policy(line).decide(alert(mode=mode)).actions == {"record"}


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (alert(mode="alert"), "not enforce"),
        (alert(rule_id="revocation-not-effective"), "a person decides"),
        (alert(app="unheard-of"), "not in the configuration"),
        (alert(session_id=None), "names no session"),
        (alert(late=True), "too late"),
        (alert(drill="d1"), "drill"),
    ],
    ids=["mode-alert", "not-effective", "undeclared-app", "no-session", "late", "drill"],
)
def test_a_revocation_is_withheld_whatever_line_matches_and_people_are_still_told(case, why) -> None:  # type: ignore[no-untyped-def]
    decision = policy(PolicyLine(("notify", "revoke_session"))).decide(case)
    assert decision.actions == {"notify"}
    assert why in decision.withheld


def test_an_unknown_action_is_refused_with_what_was_expected() -> None:
    line = PolicyLine(("revoke",))  # type: ignore[arg-type]
    with pytest.raises(PolicyRefused, match="policy line 2: revoke is no action, expected one of record, notify"):
        policy(PolicyLine(("record",)), line)


@pytest.mark.parametrize("act", ["step_up", "revoke_session", "revoke_user", "revoke_network", "lock_login"])
def test_every_act_is_done_where_the_alert_names_whom(act: str) -> None:
    decision = policy(PolicyLine((act,))).decide(alert())  # type: ignore[arg-type]
    assert (decision.acts, decision.withheld) == ((act,), "")


@pytest.mark.parametrize("act", ["revoke_user", "lock_login"])
def test_an_act_on_a_user_needs_one(act: str) -> None:
    decision = policy(PolicyLine(("notify", act))).decide(alert(user_id=None))  # type: ignore[arg-type]
    assert (decision.actions, decision.withheld) == ({"notify"}, "the alert names no user")


def test_of_several_ways_to_end_sessions_the_widest_alone_is_done() -> None:
    decision = policy(PolicyLine(("revoke_session", "lock_login", "revoke_user"))).decide(alert())
    assert decision.acts == ("revoke_user", "lock_login")


def test_an_alert_without_a_session_still_leads_to_what_it_can() -> None:
    decision = policy(PolicyLine(("revoke_session", "revoke_user"))).decide(alert(session_id=None))
    assert decision.acts == ("revoke_user",)


def test_a_line_may_speak_of_a_group_of_users() -> None:
    line = PolicyLine(("record",), groups=("board",), users=frozenset({"alice"}))
    assert line.matches(alert())
    assert line.passed_over(alert(user_id="bob"), 0) == "the user is not in board"


def test_a_group_without_members_matches_nobody() -> None:
    assert not PolicyLine(("record",), groups=("board",)).matches(alert())


def test_a_line_may_speak_of_hours() -> None:
    line = PolicyLine(("record",), hours=parse_hours("09:00-17:00"))
    assert line.matches(alert(), 10 * HOUR)
    assert line.passed_over(alert(), 18 * HOUR) == "the time is outside 09:00-17:00"
