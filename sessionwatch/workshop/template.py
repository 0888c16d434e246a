"""`rules new`: a rule that works, its sequences and its test, to be made into another one."""

from __future__ import annotations

import re
from pathlib import Path

from detectors.rule import RuleKey
from sessionwatch.errors import CommandError

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CONTEXTS = {"session": "SessionContext", "user": "UserContext"}

_RULE = '''"""{title}: what it catches stands here, in two sentences. So far: ten uses of one {key} within a minute.

Source: where the idea and the threshold come from.
Known false positives: what ordinary life looks the same.
"""

from __future__ import annotations

from detectors.context import {context}
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Memory, Rule
from pydantic import Field
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import MINUTE

MAX_TIMES = 100
"""Uses remembered a {key}: more than any sensible threshold, so that a flood cannot fill the memory."""


class {name}Parameters(Parameters):
    """Parameters of {rule_id}."""

    uses: int = Field(10, ge=2, le=MAX_TIMES, description="So many uses are too many.")
    window: Duration = Field(MINUTE, description="In this time.")


class {name}Memory(Memory):
    """The times of the last uses, in order, microseconds."""

    times_us: tuple[int, ...] = ()


class {name}(Rule[{context}, {name}Memory]):
    """{title}."""

    id = "{rule_id}"
    title = "{title}"
    key = "{key}"
    needs = frozenset({{"validate"}})
    attack = ()
    severity = Severity.LOW
    mode = "shadow"
    memory = {name}Memory
    runbook = (
        "Look what the requests ask for.",
        "Benign if the app polls by itself: raise the threshold for it.",
    )
    Parameters = {name}Parameters

    def on_event(self, event: Event, context: {context}, memory: {name}Memory, app: AppPolicy) -> Hit | None:
        """Count a use."""
        assert isinstance(self.parameters, {name}Parameters)
        since_us = event.time_us - self.parameters.window
        recent = [time_us for time_us in memory.times_us if time_us > since_us]
        memory.times_us = tuple(sorted([*recent, event.time_us])[-MAX_TIMES:])
        if len(memory.times_us) < self.parameters.uses:
            return None
        return Hit(Severity.LOW, f"{{len(memory.times_us)}} uses in a short time", "one more use")
'''
_SEQUENCES = """# Each line: when, what, who; then from PLACE, with CLIENT, in SESSION, FIELD=VALUE, told TIME.
- name: ten uses within a minute
  given:
    - 0s login alice
    - 1s x10 every 5s use alice
  then:
    - {{severity: low, key: {value}}}

- name: the same, told out of order
  given:
    - 0s login alice
    - 1s use alice told 50s
    - 6s x9 every 5s use alice
  then:
    - {{severity: low, key: {value}}}

- name: nine uses
  given:
    - 0s login alice
    - 1s x9 every 5s use alice
  then: []

- name: ten uses in ten minutes
  given:
    - 0s login alice
    - 1m x10 every 1m use alice
  then: []

- name: the threshold is a parameter
  parameters: {{uses: 3, window: 30s}}
  given:
    - 0s login alice
    - 1s x3 every 5s use alice
  then:
    - {{severity: low, key: {value}}}
"""
_TEST = '''"""The sequences beside {rule_id} hold, and it passes the battery."""

from __future__ import annotations

from pathlib import Path

import pytest
from detectors.battery import examine
from detectors.sequences import Sequence, play, read_sequences
from sessionwatch.workshop.month import lived_through

from {module} import {name}

SEQUENCES = read_sequences((Path(__file__).parent / "{module}.yaml").read_text())


@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda sequence: sequence.name)
def test_a_sequence_holds(sequence: Sequence) -> None:
    played = play({name}, sequence)
    assert not played.missing
    assert not played.surplus


def test_it_passes_the_battery() -> None:
    assert [str(failure) for failure in examine(lived_through({name}))] == []
'''


def write_rule(rule_id: str, folder: Path, key: RuleKey) -> list[Path]:
    """Write a rule, its sequences and its test into a folder.

    Args:
        rule_id: in lower case with hyphens.
        folder: made where there is none.
        key: session or user.

    Returns:
        the files.

    Raises:
        CommandError: the id is none, or a file is there already.
    """
    if not _ID.fullmatch(rule_id) or len(rule_id) > 60:
        raise CommandError(f'"{rule_id[:80]}" is no rule id: expected lower case with hyphens, such as "too-many-uses"')
    module = rule_id.replace("-", "_")
    words = {
        "rule_id": rule_id,
        "module": module,
        "name": "".join(part.capitalize() for part in rule_id.split("-")),
        "title": rule_id.replace("-", " ").capitalize(),
        "key": key,
        "context": _CONTEXTS[key],
        "value": "s_alice" if key == "session" else "alice",
    }
    files = {
        folder / f"{module}.py": _RULE,
        folder / f"{module}.yaml": _SEQUENCES,
        folder / f"test_{module}.py": _TEST,
    }
    for file in files:
        if file.exists():
            raise CommandError(f"{file}: is there already")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, template in files.items():
            file.write_text(template.format(**words), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{folder}: cannot be written: {(error.strerror or str(error)).lower()}") from None
    return list(files)
