"""The twins: shipped rules said in Sigma raise the same alerts about the same keys, begun by the same events."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import detectors.sigma
from detectors.battery import Subject, examine
from detectors.plan import Plan
from detectors.rules import BUILTIN, AnyRule
from detectors.sequences import play, read_sequences
from detectors.sigma import SigmaSource, compile_rules
from ingest.places import Places
from ingest.replay import open_lines, replay
from sample_logs.scenario import CONFIGURATION, FOLDER, Scenario, scenarios
from schemas.alert import Alert
from sessionwatch.config import load
from sessionwatch.config.parts import declared_apps, known_networks

TWINS_FOLDER = Path(detectors.sigma.__file__).parent / "twins"
FILES = sorted(file for file in TWINS_FOLDER.glob("*.yml") if not file.name.endswith(".test.yml"))
SETTINGS = load(FOLDER / CONFIGURATION)

Raised = tuple[str, str, int]
"""About which kind of key, which one, and when the event that completed it first."""


def twin_of(file: Path) -> type[AnyRule]:
    (twin,) = compile_rules([SigmaSource(file.name, file.read_text())]).values()
    return twin


TWINS = {file.stem: twin_of(file) for file in FILES}


@cache
def alerts(scenario: Scenario) -> list[Alert]:
    """What originals and twins make of a scenario, side by side."""
    rules = {name: BUILTIN[name] for name in TWINS} | {twin.id: twin for twin in TWINS.values()}
    settings = {name: setting for name, setting in SETTINGS.rules.items() if name in rules}
    with open_lines(str(scenario.events)) as lines:
        places = Places(known_networks(SETTINGS))
        return replay(lines, Plan(settings, rules=rules), declared_apps(SETTINGS), places).alerts


def raised(scenario: Scenario, rule_id: str) -> set[Raised]:
    return {
        (alert.key_kind, alert.key_value, alert.first_event_time_us)
        for alert in alerts(scenario)
        if alert.rule_id == rule_id
    }


def test_ten_of_the_shipped_rules_have_a_twin() -> None:
    assert len(TWINS) >= 10
    for name, twin in TWINS.items():
        assert twin.id == f"sigma-{name}"
        assert (twin.key, twin.attack) == (BUILTIN[name].key, BUILTIN[name].attack)


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.name)
def test_twins_raise_what_their_originals_raise(scenario: Scenario) -> None:
    assert {name: raised(scenario, twin.id) for name, twin in TWINS.items()} == {
        name: raised(scenario, name) for name in TWINS
    }


@pytest.mark.parametrize("name", TWINS)
def test_each_twin_is_raised_somewhere(name: str) -> None:
    assert any(raised(scenario, f"sigma-{name}") for scenario in scenarios())


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_passes_the_battery(name: str) -> None:
    assert [str(failure) for failure in examine(Subject(TWINS[name]))] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_sequences_beside_a_twin_hold(file: Path) -> None:
    sequences = read_sequences(file.with_suffix(".test.yml").read_text())
    fire = [sequence for sequence in sequences if sequence.then]
    assert len(fire) >= 2
    assert len(sequences) - len(fire) >= 2
    for sequence in sequences:
        played = play(TWINS[file.stem], sequence)
        assert played.passed, (sequence.name, played.missing, played.surplus)
