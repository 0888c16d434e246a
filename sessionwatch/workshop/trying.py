"""`rules test`: the sequences beside a rule, the scenarios about it, and for a rule's file the battery."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence as Rows
from dataclasses import dataclass, field
from pathlib import Path

from detectors.battery import examine
from detectors.parameters import format_duration
from detectors.rule import Rule
from detectors.rules import BUILTIN, AnyRule
from detectors.sequences import Played, SequenceError, Step, play, read_sequences
from sample_logs.scenario import FOLDER
from schemas.alert import Alert, AlertChange
from schemas.event import Event
from sessionwatch.config import Settings
from sessionwatch.errors import CommandError
from sessionwatch.workshop.listing import find_rule
from sessionwatch.workshop.month import lived_through
from sessionwatch.workshop.scenarios import judge_scenarios
from sessionwatch.workshop.sigma import run_sigma_tests, sigma_rule

SIGMA_SUFFIXES = (".yml", ".yaml")
HEADINGS = ("told", "happened", "what", "user", "session", "from", "with", "came")


@dataclass(slots=True)
class Case:
    """One thing that was tried.

    Attributes:
        kind: sequence, scenario or battery.
        table: what happened and what came, line by line, where that can be shown.
        expected, came: in words; equal where it passed.
    """

    kind: str
    name: str
    passed: bool
    expected: list[str] = field(default_factory=list)
    came: list[str] = field(default_factory=list)
    table: list[Rows[str]] = field(default_factory=list)


def try_rule(asked: str, settings: Settings) -> list[Case]:
    """Try a rule by its id, or one that stands in a file.

    Args:
        asked: the id or the file.
        settings: which name the rules in Sigma, too.

    Raises:
        CommandError: there is no such rule, or its sequences cannot be read.
    """
    rule = asked_rule(asked, settings)
    if asked.endswith(".py"):
        return [*_sequences(rule), _battery(rule)]
    if asked.endswith(SIGMA_SUFFIXES):
        return [*map(_case, run_sigma_tests(Path(asked))), _battery(rule)]
    return [*_sequences(rule), *(_scenarios(rule.id) if rule.id in BUILTIN else [])]


def asked_rule(asked: str, settings: Settings) -> type[AnyRule]:
    """Return a rule by its id, or the one that stands in a file: in Python or in Sigma.

    Raises:
        CommandError: there is no such rule.
        ConfigurationError: the file in Sigma cannot be read or compiled.
    """
    if asked.endswith(".py"):
        return load_rule(Path(asked))
    if asked.endswith(SIGMA_SUFFIXES):
        return sigma_rule(Path(asked))
    return find_rule(asked, settings)


def load_rule(file: Path) -> type[AnyRule]:
    """Return the rule that a file defines.

    Raises:
        CommandError: it cannot be loaded, or defines no rule or several.
    """
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise CommandError(f"{file}: there is no such file")
    module = importlib.util.module_from_spec(spec)
    # A rule's docstring and source are found by the name of its module.
    sys.modules[file.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - a rule in the making may raise anything
        raise CommandError(f"{file}: {type(error).__name__}: {str(error).splitlines()[0][:200]}") from None
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == file.stem
    ]
    if len(found) != 1:
        raise CommandError(f"{file}: expected one rule, found {len(found)}")
    return found[0]


def sequences_beside(rule: type[AnyRule]) -> Path | None:
    """Return the file of sequences beside a rule's own, or None."""
    file = getattr(sys.modules[rule.__module__], "__file__", None)
    beside = None if file is None else Path(file).with_suffix(".yaml")
    return beside if beside is not None and beside.exists() else None


def _sequences(rule: type[AnyRule]) -> list[Case]:
    file = sequences_beside(rule)
    if file is None:
        return []
    try:
        return [_case(play(rule, sequence)) for sequence in read_sequences(file.read_text(encoding="utf-8"))]
    except SequenceError as error:
        raise CommandError(f"{file.name}: {error}") from None


def _case(played: Played) -> Case:
    missing = [f"missing: {expected}" for expected in played.missing]
    surplus = [f"not expected: {_alert(alert)}" for alert in played.surplus]
    return Case(
        "sequence",
        played.sequence.name,
        played.passed,
        [str(expected) for expected in played.sequence.then] or ["nothing"],
        missing + surplus,
        [_line(step) for step in played.steps if step.happening or step.came],
    )


def _line(step: Step) -> Rows[str]:
    came = ", ".join(_change(change) for change in step.came)
    if step.happening is None:
        return ("end", "", "", "", "", "", "", came)
    item = step.happening.item
    told = format_duration(step.happening.told_us)
    place, agent = (item.place, item.agent) if isinstance(item, Event) else (None, None)
    origin = "" if place is None else " ".join(filter(None, (place.network, place.country, place.network_type)))
    return (
        told,
        "" if item.time_us == _told_at(step) else "earlier" if item.time_us < _told_at(step) else "later",
        step.happening.text,
        item.user_id or "-",
        item.session_id or "-",
        origin,
        "" if agent is None else " ".join(filter(None, (agent.family, agent.os))),
        came,
    )


def _told_at(step: Step) -> int:
    assert step.happening is not None
    item = step.happening.item
    return item.arrival_us if isinstance(item, Event) else item.time_us


def _change(change: AlertChange) -> str:
    return f"{change.kind} {change.alert.severity} {change.alert.key_value}"


def _alert(alert: Alert) -> str:
    return f"{alert.severity}, {alert.key_value}: {alert.summary}"


def _scenarios(rule_id: str) -> list[Case]:
    cases = []
    for judged in judge_scenarios(FOLDER, about=rule_id):
        expected = [f"{one.severity}, {one.key}" for one in judged.scenario.fires if one.rule == rule_id]
        came = [f"missing: {one.severity}, {one.key}" for one in judged.missing]
        came += [f"not expected: {one.severity}, {one.key}" for one in judged.surplus]
        name = f"{judged.scenario.name}: {judged.scenario.title}"
        cases.append(Case("scenario", name, judged.passed, expected or ["nothing"], came))
    return cases


def _battery(rule: type[AnyRule]) -> Case:
    failures = [f"{failure.check.replace('_', ' ')}: {failure.what}" for failure in examine(lived_through(rule))]
    return Case("battery", "the checks that every rule passes", not failures, ["nothing to say"], failures)
