"""Risk: what alerts add up to, how it decays, and when it is told."""

from __future__ import annotations

import pytest

from detectors.findings.risk import POINTS, risk_of
from detectors.findings.stage import Detection
from detectors.plan import Plan, RuleSetting
from detectors.rules import BUILTIN
from detectors.rules.risk_threshold import RiskThresholdParameters
from schemas.alert import Alert, AlertChange, Severity
from schemas.instant import DAY, HOUR
from schemas.signal import Signal
from tests.detectors.story import CURL, NEW_YORK, START_US, default_apps, login, new_detection, use


def found(rule_id: str, severity: str = "medium", at_us: int = START_US, **fields: object) -> Alert:
    ordinary: dict[str, object] = {
        "alert_id": f"{rule_id} {at_us}",
        "rule_version": 1,
        "mode": "alert",
        "app": "bank",
        "key_kind": "user",
        "key_value": "alice",
        "user_id": "alice",
        "event_time_us": at_us,
        "first_event_time_us": at_us,
        "last_event_time_us": at_us,
        "summary": rule_id,
    }
    return Alert(rule_id=rule_id, severity=Severity(severity), **(ordinary | fields))  # type: ignore[arg-type]


def test_one_alert_counts_by_its_severity() -> None:
    assert risk_of([found("a", "high")]) == pytest.approx(60)
    assert risk_of([found("a", "high", confidence=0.5)]) == pytest.approx(30)


def test_several_add_up_and_never_reach_the_top() -> None:
    assert risk_of([found("a"), found("b")]) == pytest.approx(51)
    assert 99 < risk_of([found(f"rule{number}", "critical") for number in range(20)]) <= 100


def test_a_rule_that_repeats_itself_counts_once() -> None:
    assert risk_of([found("a", at_us=START_US + number) for number in range(9)]) == pytest.approx(30)


def test_rules_that_tell_of_one_session_count_by_half() -> None:
    same = [found("a", "high", session_id="s_1"), found("b", "high", session_id="s_1")]
    apart = [found("a", "high", session_id="s_1"), found("b", "high", session_id="s_2")]
    assert risk_of(same) == pytest.approx(72)
    assert risk_of(apart) == pytest.approx(84)


def test_it_decays_by_half_a_day() -> None:
    assert risk_of([found("a", "high")], START_US + DAY) == pytest.approx(30)
    assert risk_of([found("a", "high")], START_US + DAY, half_life_us=2 * DAY) == pytest.approx(60 * 0.5**0.5)
    assert risk_of([found("a", "critical")], START_US + 8 * DAY) == 0


@pytest.mark.parametrize(
    "alert",
    [
        found("risk-threshold", "high"),
        found("revocation-not-effective", "critical"),
        found("a", "high", mode="shadow"),
        found("a", "high", status="withdrawn"),
    ],
)
def test_what_adds_none(alert: Alert) -> None:
    assert risk_of([alert]) == 0


def test_info_adds_none() -> None:
    assert POINTS[Severity.INFO] == 0


class Told:
    """A stage that is told alerts as its engine would tell them."""

    def __init__(self, **parameters: object) -> None:
        setting = RuleSetting(RiskThresholdParameters.model_validate(parameters))
        plan = Plan({"risk-threshold": setting}, rules=BUILTIN)
        self.stage: Detection = new_detection(plan, default_apps())
        self.standing: dict[str, Alert] = {}

    def tell(self, *alerts: Alert, kind: str = "raised") -> list[AlertChange]:
        changes = []
        for alert in alerts:
            self.stage._enter(AlertChange(kind, alert))  # type: ignore[arg-type]
        detected = self.stage.process([])
        for change in detected.changes:
            changes.append(change)
        return changes


WEAK = [found(f"rule{number}", at_us=START_US + number * HOUR) for number in range(4)]


def test_four_weak_signs_are_told_together() -> None:
    [change] = Told().tell(*WEAK)
    assert (change.kind, change.alert.rule_id, str(change.alert.severity)) == ("raised", "risk-threshold", "medium")
    assert change.alert.event_time_us == WEAK[3].event_time_us
    assert change.alert.summary.startswith("Risk 7")


def test_three_are_not() -> None:
    assert Told().tell(*WEAK[:3]) == []


def test_what_a_grave_alert_has_told_is_not_told_again() -> None:
    assert Told().tell(*WEAK, found("grave", "high", at_us=START_US)) == []


def test_an_account_that_is_being_taken_over_comes_first() -> None:
    grave = [found(f"grave{number}", "critical") for number in range(3)]
    [change] = Told().tell(*grave)
    assert str(change.alert.severity) == "high"


def test_it_is_told_once_a_day() -> None:
    told = Told()
    told.tell(*WEAK)
    [further] = told.tell(found("rule4", at_us=START_US + 5 * HOUR))
    assert (further.kind, further.alert.hits) == ("updated", 2)


def test_a_sign_that_is_withdrawn_takes_it_along() -> None:
    told = Told()
    told.tell(*WEAK)
    assert [change.kind for change in told.tell(WEAK[0], kind="withdrawn")] == ["withdrawn"]


def test_a_false_alarm_adds_none() -> None:
    told = Told()
    told.tell(*WEAK)
    verdict = Signal("v", 0, "verdict", payload={"alert_id": WEAK[0].alert_id, "verdict": "false_alarm"})
    detected = told.stage.process([verdict])
    assert [change.kind for change in detected.changes] == ["withdrawn"]
    assert told.stage.risks.at("user", "bank", "alice", START_US + 3 * HOUR) < 66


def test_thresholds_and_half_life_can_be_set() -> None:
    assert Told(medium=90).tell(*WEAK) == []
    assert Told(half_life="1h").tell(*WEAK) == []


def test_a_theft_is_a_risk_of_session_and_user() -> None:
    stage = new_detection(Plan(rules=BUILTIN), default_apps())
    risks = stage.process([login("alice", at=0), use("alice", at=60, ip=NEW_YORK, agent=CURL)]).risks
    assert [(row.kind, row.scope, row.value) for row in risks] == [
        ("session", "bank", "s_alice"),
        ("user", "bank", "alice"),
    ]
    assert all(row.score > 80 for row in risks)
    assert stage.risks.at("user", "bank", "alice", START_US + DAY) < risks[1].score / 1.5
