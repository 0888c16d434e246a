"""Each attack, as a fire drill carries it out, is recognised by a rule that is made for it."""

from __future__ import annotations

import pytest

from detectors.plan import Plan
from detectors.rules import BUILTIN
from ingest.places import Places
from ingest.replay import replay
from sample_logs.simulate.attacks import KINDS
from sample_logs.simulate.drill import drill_events
from schemas.app import AppPolicy, Apps
from schemas.instant import parse_rfc3339

NOON_US = parse_rfc3339("2026-11-01T12:00:00Z")
APPS = Apps({"bank": AppPolicy("bank")})


def recognised_by(kind: str, mark: str) -> set[str]:
    lines = drill_events(KINDS[kind], "bank", "sw-drill-1", mark, NOON_US, "loud")
    return {alert.rule_id for alert in replay(lines, Plan({}), APPS, Places()).alerts}


@pytest.mark.parametrize("kind", [kind for kind, attack in KINDS.items() if attack.drill])
def test_the_loud_form_of_an_attack_is_recognised(kind: str) -> None:
    for mark in ("first", "second", "third"):
        assert recognised_by(kind, mark) & set(KINDS[kind].rules)


def test_attacks_name_rules_that_there_are() -> None:
    for attack in KINDS.values():
        assert attack.rules
        if attack.drill:
            assert set(attack.rules) <= set(BUILTIN)
