"""Every scenario of `sample_logs/` fires what it names, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.rules import BUILTIN
from sample_logs.scenario import CONFIGURATION, FOLDER, Fired, Scenario, ScenarioError, scenarios
from sessionwatch.config import load
from sessionwatch.config.parts import rule_plan
from sessionwatch.workshop.scenarios import judge_scenario

SETTINGS = load(FOLDER / CONFIGURATION)
SCENARIOS = scenarios()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_fires_what_it_names_and_nothing_else(scenario: Scenario) -> None:
    judged = judge_scenario(scenario, SETTINGS, rule_plan(SETTINGS, list(BUILTIN)))
    assert judged.passed, f"missing {judged.missing}, not expected {judged.surplus}"


def test_there_are_sixty_of_them_and_of_both_kinds() -> None:
    assert len(SCENARIOS) >= 60
    assert sum(not one.fires for one in SCENARIOS) >= 25
    assert all(one.title and one.story and one.about for one in SCENARIOS)


@pytest.mark.parametrize("rule_id", sorted(BUILTIN))
def test_a_rule_has_one_that_fires_and_one_that_stays_silent(rule_id: str) -> None:
    about = [one for one in SCENARIOS if rule_id in one.about]
    firing = [one for one in about if rule_id in {fired.rule for fired in one.fires}]
    assert len(firing) < len(about), "no scenario about it stays silent"
    assert firing, "no scenario about it fires"


def test_one_without_a_description_is_told(tmp_path: Path) -> None:
    (tmp_path / "theft.jsonl").write_text("")
    with pytest.raises(ScenarioError, match=r"theft\.toml: is missing beside theft\.jsonl"):
        scenarios(tmp_path)


def test_one_that_is_not_whole_is_told(tmp_path: Path) -> None:
    (tmp_path / "theft.jsonl").write_text("")
    (tmp_path / "theft.toml").write_text('title = "A theft"')
    with pytest.raises(ScenarioError, match="expected title, story and fires"):
        scenarios(tmp_path)


def test_what_is_missing_and_what_is_too_much_is_told(tmp_path: Path) -> None:
    source = FOLDER / "stolen-next-door"
    told = source.with_suffix(".toml").read_text().replace('severity = "medium"', 'severity = "info"')
    (tmp_path / "theft.toml").write_text(told)
    (tmp_path / "theft.jsonl").write_text(source.with_suffix(".jsonl").read_text())
    (scenario,) = scenarios(tmp_path)
    judged = judge_scenario(scenario, SETTINGS, rule_plan(SETTINGS, ["session-multi-network"]))
    assert judged.missing == (Fired("session-multi-network", "info", "s_demo_alice"),)
    assert judged.surplus == (Fired("session-multi-network", "medium", "s_demo_alice"),)
