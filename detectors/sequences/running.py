"""Playing a sequence: what came, event by event, against what was expected."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import ValidationError

from detectors.battery.stage import quick_apps
from detectors.engine import Engine
from detectors.findings.stage import Detection
from detectors.parameters import Parameters
from detectors.plan import Plan, RuleSetting
from detectors.remembered import RememberedDays, inform
from detectors.rules import AnyRule
from detectors.sequences.line import Happening
from detectors.sequences.reading import Expected, Sequence, SequenceError
from schemas.alert import Alert, AlertChange
from schemas.app import Apps


@dataclass(frozen=True, slots=True)
class Step:
    """A happening, and how the alerts changed at it."""

    happening: Happening | None
    came: tuple[AlertChange, ...]


@dataclass(slots=True)
class Played:
    """What a sequence led to.

    Attributes:
        steps: in the order told; the last one, without a happening, is the end at which pending hits are decided.
        missing, surplus: expected and not come, come and not expected.
    """

    sequence: Sequence
    steps: list[Step]
    missing: list[Expected] = field(default_factory=list)
    surplus: list[Alert] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether everything came that was expected, and nothing else."""
        return not self.missing and not self.surplus


def play(rule: type[AnyRule], sequence: Sequence, apps: Apps | None = None) -> Played:
    """Run a rule alone over a sequence.

    Raises:
        SequenceError: the sequence sets a parameter that the rule has not, or not so.
    """
    setting = RuleSetting(parameters=_parameters(rule, sequence), mode="alert")
    plan, declared = Plan({rule.id: setting}, rules={rule.id: rule}), apps or quick_apps()
    engine, days = Engine(plan, declared), RememberedDays()
    detection = Detection(engine, plan, declared)
    steps = []
    for happening in sequence.given:
        inform(engine, [happening.item], days)
        steps.append(Step(happening, tuple(detection.process([happening.item]).changes)))
        days.save(engine.take_days())
    steps.append(Step(None, tuple(detection.finish().changes)))
    standing: dict[str, Alert] = {}
    for change in (change for step in steps for change in step.came):
        if change.kind == "withdrawn":
            standing.pop(change.alert.alert_id, None)
        else:
            standing[change.alert.alert_id] = change.alert
    return _compared(Played(sequence, steps), list(standing.values()))


def _compared(played: Played, surplus: list[Alert]) -> Played:
    for expected in played.sequence.then:
        found = next((alert for alert in surplus if expected.fits(alert)), None)
        if found is None:
            played.missing.append(expected)
        else:
            surplus.remove(found)
    played.surplus = surplus
    return played


def _parameters(rule: type[AnyRule], sequence: Sequence) -> Parameters:
    try:
        return rule.Parameters.model_validate(dict(sequence.parameters))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SequenceError(f'"{sequence.name}": parameter {place}: {first["msg"]}') from None
