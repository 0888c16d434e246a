"""Every scenario of `sample_logs/` fires what it names, and nothing else."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ingest.places import Places
from ingest.replay import open_lines, replay
from sessionwatch.config import load
from sessionwatch.config.parts import declared_apps, known_networks, rule_plan

FOLDER = Path(__file__).resolve().parents[2] / "sample_logs"
SCENARIOS = sorted(path.stem for path in FOLDER.glob("*.jsonl"))
SETTINGS = load(FOLDER / "sessionwatch.toml")


def fired(name: str) -> list[tuple[str, str, str]]:
    with open_lines(str(FOLDER / f"{name}.jsonl")) as lines:
        result = replay(lines, rule_plan(SETTINGS), declared_apps(SETTINGS), Places(known_networks(SETTINGS)))
    assert not result.refused
    return sorted((alert.rule_id, str(alert.severity), alert.key_value) for alert in result.alerts)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_fires_what_it_names_and_nothing_else(name: str) -> None:
    told = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    assert told["title"]
    assert told["story"]
    assert fired(name) == sorted((one["rule"], one["severity"], one["key"]) for one in told["fires"])


def test_there_are_scenarios_of_both_kinds() -> None:
    kinds = {bool(tomllib.loads((FOLDER / f"{name}.toml").read_text())["fires"]) for name in SCENARIOS}
    assert kinds == {True, False}
