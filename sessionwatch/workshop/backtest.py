"""`rules backtest`: what a rule would have raised over stored history, tried against the rule as it is live."""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from detectors.learned import LEARNED
from detectors.lists import NetworkList
from detectors.parameters import Parameters, format_duration
from detectors.plan import Plan, RuleSetting
from detectors.rules import AnyRule
from schemas.alert import Alert
from schemas.app import Apps
from schemas.event import Event
from schemas.instant import to_rfc3339
from sessionwatch.errors import CommandError
from sessionwatch.workshop.history import History, Judgement, Span, read, warm_up_us

STEP = 0.1
"""How far a parameter is moved to see what lies just above and below it: a tenth, and at least one."""
_TOP_KEYS = 10


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The rule with one parameter moved a step, and how many alerts it would then raise."""

    parameter: str
    value: object
    alerts: int


@dataclass(slots=True)
class Backtest:
    """What a backtest found.

    Attributes:
        alerts: of the rule as tried, by time.
        gained, lost: against the rule as it is live.
        neighbours: with each number moved one step down and one step up.
        overlap: by other rule, how many of the alerts share their session or user with one of its.
    """

    rule_id: str
    span: Span
    parameters: dict[str, object]
    events: int = 0
    alerts: list[Alert] = field(default_factory=list)
    live: int = 0
    gained: list[Alert] = field(default_factory=list)
    lost: list[Alert] = field(default_factory=list)
    neighbours: list[Neighbour] = field(default_factory=list)
    overlap: dict[str, int] = field(default_factory=dict)

    def per_day(self) -> dict[str, int]:
        """Return the number of alerts by day, UTC."""
        return dict(sorted(Counter(to_rfc3339(alert.event_time_us)[:10] for alert in self.alerts).items()))

    def top_keys(self) -> list[tuple[str, int]]:
        """Return the keys with the most hits."""
        hits: Counter[str] = Counter()
        for alert in self.alerts:
            hits[f"{alert.key_kind} {alert.key_value}"] += alert.hits
        return hits.most_common(_TOP_KEYS)

    def as_json(self) -> dict[str, object]:
        """Return it as one JSON object."""
        return {
            "rule_id": self.rule_id,
            "from": to_rfc3339(self.span.since_us),
            "to": to_rfc3339(self.span.until_us),
            "parameters": self.parameters,
            "events": self.events,
            "alerts": len(self.alerts),
            "alerts_live": self.live,
            "by_severity": dict(Counter(str(alert.severity) for alert in self.alerts)),
            "per_day": self.per_day(),
            "top_keys": [{"key": key, "hits": hits} for key, hits in self.top_keys()],
            "neighbours": [
                {"parameter": one.parameter, "value": one.value, "alerts": one.alerts} for one in self.neighbours
            ],
            "overlap": self.overlap,
            "gained": [brief(alert) for alert in self.gained],
            "lost": [brief(alert) for alert in self.lost],
        }


def backtest(
    rule: type[AnyRule],
    history: History,
    span: Span,
    apps: Apps,
    *,
    live: Mapping[str, type[AnyRule]],
    settings: Mapping[str, RuleSetting],
    changes: Mapping[str, str],
    lists: Sequence[NetworkList] = (),
) -> Backtest:
    """Run a rule over history, beside itself as it is live and beside the others.

    Args:
        rule: as tried; of an id that is not live yet, everything is gained.
        history: what is stored.
        span: in which alerts count.
        apps: what is declared.
        live: the rules in force, by id.
        settings: of the rules in force.
        changes: parameters to try, as texts of the configuration.
        lists: the network lists as they are now; what is stored tells how they changed.

    Raises:
        CommandError: a parameter does not exist, or cannot be so; or the rule is a learned one.
    """
    if rule.id in LEARNED:
        raise CommandError(f"{rule.id} is trained, not tuned: hold `evaluate` of one model against that of another")
    live = {name: one for name, one in live.items() if name not in LEARNED}
    own = settings.get(rule.id, RuleSetting())
    tried = _changed(rule, own.parameters, changes)
    # A rule that reads other rules' alerts is nothing without them.
    beside = live if rule.reads or rule.reported == "join" or not rule.needs else {}
    runs = {"tried": _plan(rule, own, tried, beside, settings), "live": Plan(settings, rules=live)}
    moved = _moved(rule, tried)
    for name, value, parameters in moved:
        runs[f"{name}={value}"] = _plan(rule, own, parameters, beside, settings)
    for plan in runs.values():
        plan.lists.start(lists)
    judgements = {name: Judgement(plan, apps) for name, plan in runs.items()}
    warm_up = max(warm_up_us(plan, apps) for plan in runs.values())
    result = Backtest(rule.id, span, tried.model_dump(mode="json"))
    for chunk in read(history, span, warm_up):
        result.events += sum(isinstance(item, Event) and item.time_us in span for item in chunk)
        told = judgements["live"].judge(chunk)
        for name, judgement in judgements.items():
            if name != "live":
                judgement.judge(chunk)
            judgement.judge(told)
    everything = judgements["live"].alerts(span)
    found = {name: judgement.alerts(span, rule.id) for name, judgement in judgements.items()}
    before = found["live"]
    result.alerts = _by_time(found["tried"].values())
    result.live = len(before)
    result.gained = _by_time(alert for key, alert in found["tried"].items() if key not in before)
    result.lost = _by_time(alert for key, alert in before.items() if key not in found["tried"])
    result.neighbours = [Neighbour(name, value, len(found[f"{name}={value}"])) for name, value, _ in moved]
    result.overlap = _overlap(result.alerts, (one for one in everything.values() if one.rule_id != rule.id))
    return result


def brief(alert: Alert) -> dict[str, object]:
    """Return an alert in one line, for a list of gained or lost ones."""
    return {
        "alert_id": alert.alert_id,
        "event_time": to_rfc3339(alert.event_time_us),
        "severity": str(alert.severity),
        "key": f"{alert.key_kind} {alert.key_value}",
        "summary": alert.summary,
    }


def _plan(
    rule: type[AnyRule],
    own: RuleSetting,
    parameters: Parameters,
    beside: Mapping[str, type[AnyRule]],
    settings: Mapping[str, RuleSetting],
) -> Plan:
    # Whatever its mode is: what a rule that is off would raise is the question.
    by_app = {app: RuleSetting(local.parameters, "alert", local.severity) for app, local in own.by_app.items()}
    setting = RuleSetting(parameters, "alert", own.severity, by_app)
    rules = {**beside, rule.id: rule}
    return Plan({**{key: settings[key] for key in rules if key in settings}, rule.id: setting}, rules=rules)


def _changed(rule: type[AnyRule], parameters: Parameters | None, changes: Mapping[str, str]) -> Parameters:
    values = (parameters or rule.Parameters()).model_dump(mode="json")
    for name, text in changes.items():
        if name not in rule.Parameters.model_fields:
            known = ", ".join(rule.Parameters.model_fields) or "none"
            raise CommandError(f'{rule.id} has no parameter "{name}"; it has: {known}')
        values[name] = _value(text)
    try:
        return rule.Parameters.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise CommandError(f"{rule.id}: {place}: {first['msg']}") from None


def _value(text: str) -> object:
    """Read a value as the configuration would; what is none of its forms is text, such as 15m."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _moved(rule: type[AnyRule], parameters: Parameters) -> list[tuple[str, object, Parameters]]:
    """Return the parameters with one number moved a step down or up, those left out that may not be so."""
    moved: list[tuple[str, object, Parameters]] = []
    inside, shown = parameters.model_dump(), parameters.model_dump(mode="json")
    for name, value in inside.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        for direction in (-1, 1):
            step = value * STEP if isinstance(value, float) else max(1, round(value * STEP))
            number = value + direction * step
            text: object = format_duration(int(number)) if isinstance(shown[name], str) else number
            try:
                moved.append((name, text, rule.Parameters.model_validate({**shown, name: text})))
            except ValidationError:
                continue
    return moved


def _overlap(alerts: Iterable[Alert], others: Iterable[Alert]) -> dict[str, int]:
    about: dict[tuple[str, str], set[str]] = defaultdict(set)
    for other in others:
        for subject in _subjects(other):
            about[subject].add(other.rule_id)
    counted: Counter[str] = Counter()
    for alert in alerts:
        counted.update(set().union(*(about[subject] for subject in _subjects(alert) if subject in about)))
    return dict(counted.most_common())


def _subjects(alert: Alert) -> list[tuple[str, str]]:
    named = (("session", alert.session_id), ("user", alert.user_id), (alert.key_kind, alert.key_value))
    return [(kind, value) for kind, value in named if value is not None]


def _by_time(alerts: Iterable[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda alert: (alert.event_time_us, alert.alert_id))
