"""Reading sequences: a YAML list beside a rule.

- name: the cookie goes on in a script
  given:
    - 0s login alice
    - 5m use alice from cafe with curl
  then:
    - {severity: critical, key: s_alice}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from detectors.sequences.line import Happening, LineError, parse_line
from schemas.alert import Alert, Severity

_KEYS = frozenset({"name", "given", "then", "parameters"})
_EXPECTED_KEYS = frozenset({"severity", "key", "hits", "late"})


class SequenceError(ValueError):
    """A file of sequences cannot be read: the message says in which sequence and line, and what was expected."""


@dataclass(frozen=True, slots=True)
class Expected:
    """An alert that must come. What is None may be anything."""

    severity: str | None = None
    key: str | None = None
    hits: int | None = None
    late: bool | None = None

    def fits(self, alert: Alert) -> bool:
        """Say whether an alert is this one."""
        pairs = (
            (self.severity, str(alert.severity)),
            (self.key, alert.key_value),
            (self.hits, alert.hits),
            (self.late, alert.late),
        )
        return all(wanted is None or wanted == found for wanted, found in pairs)

    def __str__(self) -> str:
        parts = [self.severity or "any severity", self.key or "any key"]
        if self.hits is not None:
            parts.append(f"{self.hits} hits")
        if self.late is not None:
            parts.append("late" if self.late else "not late")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Sequence:
    """One case of a rule.

    Attributes:
        name: what happens, for people.
        given: in the order in which it is told.
        then: the alerts that must come, and no others.
        parameters: of the rule, as the configuration would say them.
    """

    name: str
    given: tuple[Happening, ...]
    then: tuple[Expected, ...]
    parameters: Mapping[str, object] = field(default_factory=dict)


def read_sequences(text: str) -> list[Sequence]:
    """Return the sequences of a file.

    Raises:
        SequenceError: it is no YAML, or says something that cannot be played.
    """
    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise SequenceError(f"not YAML: {getattr(error, 'problem', None) or 'unreadable'}{where}") from None
    if not isinstance(parsed, list) or not parsed:
        raise SequenceError('expected a list of sequences, each with "name", "given" and "then"')
    return [_sequence(number, one) for number, one in enumerate(parsed, 1)]


def _sequence(number: int, one: object) -> Sequence:
    if not isinstance(one, dict) or not isinstance(one.get("name"), str):
        raise SequenceError(f'sequence {number}: expected "name", "given" and "then"')
    name = one["name"]
    if unknown := sorted(str(key) for key in one.keys() - _KEYS):
        raise SequenceError(f'"{name}": unknown key "{unknown[0]}"; known are {", ".join(sorted(_KEYS))}')
    lines, expected = one.get("given"), one.get("then")
    if not isinstance(lines, list) or not lines:
        raise SequenceError(f'"{name}": "given" must be a list of lines')
    if not isinstance(expected, list):
        raise SequenceError(f'"{name}": "then" must be a list of alerts; [] for silence')
    parameters = one.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise SequenceError(f'"{name}": "parameters" must be names and values')
    given: list[Happening] = []
    for position, line in enumerate(lines, 1):
        try:
            given += parse_line(str(line))
        except LineError as error:
            raise SequenceError(f'"{name}", line {position}: {error}') from None
    given.sort(key=lambda happening: happening.told_us)
    return Sequence(name, tuple(given), tuple(_expected(name, alert) for alert in expected), parameters)


def _expected(name: str, alert: object) -> Expected:
    if not isinstance(alert, dict) or alert.keys() - _EXPECTED_KEYS:
        raise SequenceError(f'"{name}": an alert has {", ".join(sorted(_EXPECTED_KEYS))}, got {str(alert)[:60]}')
    severity = alert.get("severity")
    if severity is not None and severity not in list(Severity):
        raise SequenceError(f'"{name}": "{severity}" is no severity')
    return Expected(severity, alert.get("key"), alert.get("hits"), alert.get("late"))
