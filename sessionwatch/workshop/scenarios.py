"""Scenarios judged as the pipeline would judge them, against what they say must fire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from detectors.plan import Plan
from ingest.replay import open_lines, replay
from sample_logs.scenario import CONFIGURATION, Fired, Scenario, ScenarioError, scenarios
from schemas.alert import Alert
from schemas.instant import to_us
from schemas.signal import Signal
from sessionwatch.config import Settings, load
from sessionwatch.config.parts import declared_apps, known_places, rule_plan
from sessionwatch.errors import CommandError


@dataclass(frozen=True, slots=True)
class Judged:
    """A scenario, and how what came differs from what it says.

    Attributes:
        alerts: the final ones.
        missing, surplus: expected and not come, come and not expected; of the rules that were run.
    """

    scenario: Scenario
    alerts: tuple[Alert, ...]
    missing: tuple[Fired, ...]
    surplus: tuple[Fired, ...]

    @property
    def passed(self) -> bool:
        """Whether everything came that should, and nothing else."""
        return not self.missing and not self.surplus


def judge_scenarios(folder: Path, *, about: str | None = None) -> Iterator[Judged]:
    """Judge the scenarios of a folder under the configuration that stands in it.

    Args:
        folder: with `sessionwatch.toml` and the scenarios.
        about: only those about this rule, and of its alerts alone; None = all, with every rule that is not off.

    Raises:
        CommandError: there are none, or one cannot be read.
    """
    try:
        found = scenarios(folder)
    except ScenarioError as error:
        raise CommandError(f"{folder}: {error}") from None
    if not found:
        raise CommandError(f"{folder}: no scenario (NAME.jsonl with NAME.toml beside it)")
    settings = load(folder / CONFIGURATION)
    plan = rule_plan(settings, None if about is None else [about])
    for scenario in found:
        if about is None or about in scenario.about or about in {one.rule for one in scenario.fires}:
            yield judge_scenario(scenario, settings, plan)


def judge_scenario(scenario: Scenario, settings: Settings, plan: Plan) -> Judged:
    """Judge one scenario with the rules of a plan.

    Raises:
        CommandError: it holds a line that is no event.
    """
    with open_lines(str(scenario.events)) as lines:
        places = known_places(settings)
        replayed = replay(lines, plan, declared_apps(settings), places, judges_silence=True, signals=_signals(scenario))
    if replayed.refused:
        number, reason = replayed.refused[0]
        raise CommandError(f"{scenario.events.name}, line {number}: {reason}")
    expected = [one for one in scenario.fires if one.rule in plan.classes]
    came = [Fired(alert.rule_id, str(alert.severity), alert.key_value) for alert in replayed.alerts]
    return Judged(scenario, tuple(replayed.alerts), _without(expected, came), _without(came, expected))


def _signals(scenario: Scenario) -> list[Signal]:
    return [
        Signal(
            f"{one.session}:delivered",
            to_us(one.at),
            "revocation_delivered",
            one.app,
            one.session,
            payload={"revocation_id": f"revocation of {one.session}", "sequence": 1},
        )
        for one in sorted(scenario.delivered, key=lambda one: one.at)
    ]


def _without(some: list[Fired], others: list[Fired]) -> tuple[Fired, ...]:
    left = list(others)
    kept = []
    for one in some:
        if one in left:
            left.remove(one)
        else:
            kept.append(one)
    return tuple(sorted(kept))
