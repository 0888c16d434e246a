"""What people say of alerts reaches the detectors as signals."""

from __future__ import annotations

from detectors.plan import Plan
from detectors.rules import BUILTIN
from ingest.flags import verdicts
from schemas.instant import HOUR
from store.rows import TriageRow
from tests.detectors.story import CURL, NEW_YORK, START_US, default_apps, login, new_detection, use

THEFT = (login("alice", at=0), use("alice", at=60, ip=NEW_YORK, agent=CURL))
LATER_US = START_US + HOUR


def test_a_false_alarm_takes_the_risk_away_and_undoing_it_brings_it_back() -> None:
    stage = new_detection(Plan(rules=BUILTIN), default_apps())
    alerts = [change.alert for change in stage.process(THEFT).changes]
    before = stage.risks.at("user", "bank", "alice", LATER_US)
    assert before > 0
    said = [TriageRow(one.alert_id, "bank", "resolved", "false_alarm", at_us=LATER_US) for one in alerts]
    cleared = stage.process(verdicts(said)).risks
    assert stage.risks.at("user", "bank", "alice", LATER_US) == 0
    assert [row.contributions for row in cleared] == [(), ()]
    stage.process(verdicts([TriageRow(one.alert_id, "bank", at_us=LATER_US + 1) for one in alerts]))
    assert stage.risks.at("user", "bank", "alice", LATER_US) == before


def test_what_is_confirmed_goes_on_counting() -> None:
    stage = new_detection(Plan(rules=BUILTIN), default_apps())
    alerts = [change.alert for change in stage.process(THEFT).changes]
    said = [TriageRow(one.alert_id, "bank", "resolved", "confirmed", at_us=LATER_US) for one in alerts]
    assert stage.process(verdicts(said)).risks == []
