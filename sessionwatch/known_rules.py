"""The rules there are: those that ship, and those of installed packages (entry points `sessionwatch.rules`).

An entry point names a rule class, or a module in which every rule class counts. What is broken is left out and told
in one line: a bad plug-in costs its own rules and nothing else.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from detectors.learned import LEARNED
from detectors.provider import PROVIDER
from detectors.rule import Rule
from detectors.rules import BUILTIN, AnyRule
from detectors.sigma.rule import SigmaDetector

GROUP = "sessionwatch.rules"


@dataclass(slots=True)
class KnownRules:
    """Every rule by id, and what is wrong with plug-ins, one line each."""

    rules: dict[str, type[AnyRule]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@cache
def known_rules() -> KnownRules:
    """Return the rules of this installation; looked up once a process."""
    return gather({**BUILTIN, **LEARNED, **PROVIDER}, entry_points(group=GROUP))


def rule_classes() -> Mapping[str, type[AnyRule]]:
    """Return the rules of this installation by id."""
    return known_rules().rules


def about(rule: type[AnyRule]) -> str:
    """Return what a rule's file says at its top: what it catches, its source, its known false positives."""
    module = sys.modules[rule.__module__].__doc__
    # One in Sigma carries the words of its own file.
    return inspect.cleandoc((rule.__doc__ if issubclass(rule, SigmaDetector) else module) or "")


def gather(shipped: Mapping[str, type[AnyRule]], points: Iterable[EntryPoint]) -> KnownRules:
    """Return shipped rules and those that entry points name.

    Args:
        shipped: by id; none of them can be replaced.
        points: of the group.
    """
    known = KnownRules(dict(shipped))
    for point in sorted(points, key=lambda point: point.name):
        where = f'rule plug-in "{point.name}" ({point.value})'
        try:
            loaded = point.load()
        except Exception as error:  # noqa: BLE001 - whatever a plug-in raises costs its own rules alone
            first = (str(error).splitlines() or [""])[0][:120]
            known.problems.append(f"{where} cannot be loaded: {type(error).__name__}: {first}")
            continue
        classes = _classes(loaded)
        if not classes:
            known.problems.append(f"{where} names no rule: expected a subclass of detectors.rule.Rule, or its module")
        for rule in classes:
            _add(known, rule, where)
    return known


def _add(known: KnownRules, rule: type[AnyRule], where: str) -> None:
    missing = [name for name in ("id", "title", "key", "needs", "severity", "runbook") if not hasattr(rule, name)]
    if missing:
        known.problems.append(f"{where}: {rule.__name__} has no {', '.join(missing)}")
    elif rule.id in known.rules:
        known.problems.append(f'{where}: a rule "{rule.id}" is there already')
    else:
        known.rules[rule.id] = rule


def _classes(loaded: object) -> list[type[AnyRule]]:
    candidates = [loaded]
    if isinstance(loaded, ModuleType):
        candidates = [value for value in vars(loaded).values() if getattr(value, "__module__", "") == loaded.__name__]
    return [one for one in candidates if isinstance(one, type) and issubclass(one, Rule) and one is not Rule]
