"""What an identity provider says counts for others as what the rules say does."""

from __future__ import annotations

import pytest

from detectors.findings.stage import Detection
from detectors.plan import Plan
from detectors.provider import PROVIDER
from detectors.provider.facts import alert_of
from detectors.rules import BUILTIN
from ingest.flags import statements
from schemas.alert import Alert, AlertChange, Evidence, Severity
from schemas.signal import Signal
from tests.detectors.story import FIREFOX, NEW_YORK, START_US, default_apps, login, new_detection, use

RULES = {**BUILTIN, **PROVIDER}
SAID = "The identity provider idp says that the account was disabled"
ONLY = ("risky-change", "risk-threshold", *PROVIDER)


def said(rule_id: str = "idp-account-disabled", session: str | None = "s_alice", **fields: object) -> Alert:
    ordinary: dict[str, object] = {
        "alert_id": f"{rule_id} {session}",
        "rule_version": 1,
        "severity": Severity.HIGH,
        "mode": "alert",
        "app": "bank",
        "key_kind": "user" if session is None else "session",
        "key_value": "alice" if session is None else session,
        "event_time_us": START_US,
        "first_event_time_us": START_US,
        "last_event_time_us": START_US,
        "summary": SAID,
        "evidence": (Evidence("e1", START_US, "in use"), Evidence("e2", START_US, SAID)),
        "user_id": "alice",
        "session_id": session,
    }
    return Alert(rule_id=rule_id, **(ordinary | fields))  # type: ignore[arg-type]


def told(*alerts: Alert) -> list[Signal]:
    return statements(AlertChange("raised", alert) for alert in alerts)


def detection() -> Detection:
    return new_detection(Plan(rules=RULES, only=ONLY), default_apps())


@pytest.mark.parametrize("session", ["s_alice", None])
def test_it_counts_into_the_risk_of_user_and_session(session: str | None) -> None:
    stage = detection()
    stage.process(told(said(session=session)))
    assert stage.risks.at("user", "bank", "alice", START_US) == pytest.approx(60)
    assert stage.risks.at("session", "bank", "s_alice", START_US) == pytest.approx(60 if session else 0)


def test_several_things_said_of_one_user_raise_the_alarm_together() -> None:
    rules = {"idp-account-disabled": "s_alice", "idp-risk-level-change": "s_other", "idp-session-revoked": "s_other"}
    found = detection().process(
        told(*(said(rule, session, severity=Severity.CRITICAL) for rule, session in rules.items()))
    )
    assert [(change.alert.rule_id, change.alert.severity) for change in found.changes] == [("risk-threshold", "high")]
    assert {row.value for row in found.risks} == {"alice", "s_alice", "s_other"}


def test_in_shadow_it_counts_for_nobody() -> None:
    stage = detection()
    stage.process(told(said(mode="shadow")))
    assert stage.risks.at("user", "bank", "alice", START_US) == 0


def test_a_person_can_say_that_it_is_benign() -> None:
    stage, alert = detection(), said()
    stage.process(told(alert))
    verdict = Signal("v1", START_US, "verdict", "bank", payload={"alert_id": alert.alert_id, "verdict": "benign"})
    stage.process([verdict])
    assert stage.risks.at("user", "bank", "alice", START_US) == 0


def test_a_sensitive_change_after_it_is_a_risky_one() -> None:
    signed_in = login("alice", at=-60, ip=NEW_YORK, agent=FIREFOX)
    change = use("alice", at=600, ip=NEW_YORK, agent=FIREFOX, action="payout")
    found = detection().process([signed_in, *told(said("idp-risk-level-change")), change])
    assert "risky-change" in {one.alert.rule_id for one in found.changes}


def test_the_facts_of_the_signal_are_those_that_others_ask() -> None:
    alert = said()
    [signal] = told(alert)
    assert (signal.session_id, signal.user_id) == (None, "alice")
    again = alert_of(signal)
    assert again.evidence == alert.evidence[-1:]
    kept = ("alert_id", "rule_id", "severity", "mode", "app", "key_kind", "key_value", "event_time_us", "summary")
    assert [getattr(again, name) for name in kept] == [getattr(alert, name) for name in kept]


def test_what_a_rule_has_found_itself_is_told_by_no_signal() -> None:
    assert told(said("session-hijack")) == []
    assert statements([AlertChange("updated", said())]) == []


def test_no_event_of_an_app_is_a_providers_word() -> None:
    found = new_detection(Plan(rules=PROVIDER), default_apps()).process([login("alice", 0), use("alice", 9, NEW_YORK)])
    assert found.changes == []
