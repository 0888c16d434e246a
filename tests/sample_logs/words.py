"""The words of every alert of the scenarios, as they were last approved: what people read is part of a rule.

python -m tests.sample_logs.words        write them anew, and read the difference before it is committed
"""

from __future__ import annotations

import json
from pathlib import Path

from detectors.rules import BUILTIN
from sample_logs.scenario import CONFIGURATION, FOLDER, Scenario, scenarios
from schemas.alert import Alert
from sessionwatch.config import load
from sessionwatch.config.parts import rule_plan
from sessionwatch.workshop.scenarios import judge_scenario

APPROVED = Path(__file__).with_name("words.json")
SETTINGS = load(FOLDER / CONFIGURATION)
SCENARIOS = scenarios()
_MOST = 3
"""Alerts of one scenario that are written down: the others say the same of other users."""

Words = dict[str, list[dict[str, object]]]


def words_of(rule_id: str) -> Words:
    """Return what a rule's first alerts say, by scenario that is about it."""
    rule = BUILTIN[rule_id]
    # A rule that reads other rules' alerts is nothing without them; any other is run alone.
    beside = list(BUILTIN) if rule.reads or rule.reported == "join" or not rule.needs else [rule_id]
    plan = rule_plan(SETTINGS, beside)
    said: Words = {}
    for scenario in filter(lambda one: _is_about(one, rule_id), SCENARIOS):
        alerts = [one for one in judge_scenario(scenario, SETTINGS, plan).alerts if one.rule_id == rule_id]
        said[scenario.name] = [_words(alert) for alert in alerts[:_MOST]]
    return said


def _is_about(scenario: Scenario, rule_id: str) -> bool:
    return rule_id in scenario.about or rule_id in {fired.rule for fired in scenario.fires}


def _words(alert: Alert) -> dict[str, object]:
    return {
        "severity": str(alert.severity),
        "key": f"{alert.key_kind} {alert.key_value}",
        "hits": alert.hits,
        "confidence": alert.confidence,
        "summary": alert.summary,
        "usual": dict(sorted(alert.usual.items())),
        "evidence": [f"{one.event_id} {one.fact}" for one in alert.evidence],
    }


def main() -> None:
    """Write the words down."""
    approved = {rule_id: words_of(rule_id) for rule_id in sorted(BUILTIN)}
    APPROVED.write_text(json.dumps(approved, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
