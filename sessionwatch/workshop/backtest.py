"""`rules backtest`: what a rule would have raised over stored history, tried against the rule as it is live."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from detectors.exceptions import Exceptions
from detectors.learned import LEARNED
from detectors.lists import NetworkList
from detectors.plan import Plan, RuleSetting
from detectors.provider import PROVIDER
from detectors.rules import AnyRule
from schemas.alert import Alert, Severity
from schemas.app import Apps
from schemas.event import Event
from schemas.instant import DAY, to_rfc3339
from sessionwatch.errors import CommandError
from sessionwatch.workshop.history import History, Item, Judgement, Span, read, warm_up_us
from sessionwatch.workshop.trial import Change, moved, shown, tried

OVERLAP_US = DAY
"""Alerts further apart than this tell of different things, though they be about one user."""

_TOP_KEYS = 10

Subject = tuple[str, str, str]
"""Kind, app or realm, and value."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The rule with one parameter moved a step.

    Attributes:
        app: where it is moved; None = everywhere.
        alerts: how many it would then raise.
        gained, lost: how many of them are new, and how many of the rule as tried would be missing.
        regraded: how many would stay, at another severity.
    """

    parameter: str
    app: str | None
    value: object
    alerts: int
    gained: int
    lost: int
    regraded: int


@dataclass(frozen=True, slots=True)
class Regraded:
    """An alert that stays at another severity: as it is tried, and as it is live."""

    alert: Alert
    live: Severity


@dataclass(slots=True)
class Backtest:
    """What a backtest found.

    Attributes:
        by_app: parameters that an app sets otherwise.
        first_us, last_us: of the events of the span; microseconds since the epoch.
        alerts: of the rule as tried, by time; those that an exception covers are only counted, as `suppressed`.
        gained, lost, regraded: against the rule as it is live.
        neighbours: with each number moved one step down and one step up.
        overlap: by other rule that tells people, how many of the alerts it tells of too: same session, user or key,
            at most `OVERLAP_US` apart.
    """

    rule_id: str
    span: Span
    parameters: dict[str, object]
    by_app: dict[str, dict[str, object]] = field(default_factory=dict)
    events: int = 0
    first_us: int = 0
    last_us: int = 0
    alerts: list[Alert] = field(default_factory=list)
    suppressed: int = 0
    live: int = 0
    gained: list[Alert] = field(default_factory=list)
    lost: list[Alert] = field(default_factory=list)
    regraded: list[Regraded] = field(default_factory=list)
    neighbours: list[Neighbour] = field(default_factory=list)
    overlap: dict[str, int] = field(default_factory=dict)

    @property
    def days(self) -> float:
        """How long the history is that was judged, in days; less than one counts as one."""
        since_us, until_us = max(self.span.since_us, self.first_us), min(self.span.until_us, self.last_us)
        return max(1.0, (until_us - since_us) / DAY)

    @property
    def alerts_a_day(self) -> float:
        """How many alerts there are a day, quiet days included."""
        return len(self.alerts) / self.days

    def per_day(self) -> dict[str, int]:
        """Return the number of alerts by day, UTC: of every day that has events before and after it."""
        counted = Counter(alert.event_time_us // DAY for alert in self.alerts)
        days = range(self.first_us // DAY, self.last_us // DAY + 1) if self.events else ()
        return {to_rfc3339(day * DAY)[:10]: counted[day] for day in sorted({*days, *counted})}

    def top_keys(self) -> list[tuple[str, str, int]]:
        """Return the keys with the most hits: app, key and hits."""
        hits: Counter[tuple[str, str]] = Counter()
        for alert in self.alerts:
            hits[alert.app, f"{alert.key_kind} {alert.key_value}"] += alert.hits
        return [(app, key, number) for (app, key), number in hits.most_common(_TOP_KEYS)]

    def as_json(self) -> dict[str, object]:
        """Return it as one JSON object."""
        return {
            "rule_id": self.rule_id,
            "from": to_rfc3339(self.span.since_us),
            "to": to_rfc3339(self.span.until_us),
            "parameters": self.parameters,
            "parameters_by_app": self.by_app,
            "events": self.events,
            "days": round(self.days, 2),
            "alerts": len(self.alerts),
            "alerts_a_day": round(self.alerts_a_day, 2),
            "alerts_live": self.live,
            "suppressed": self.suppressed,
            "by_severity": dict(Counter(str(alert.severity) for alert in self.alerts)),
            "per_day": self.per_day(),
            "top_keys": [{"app": app, "key": key, "hits": hits} for app, key, hits in self.top_keys()],
            "neighbours": [
                {
                    "parameter": one.parameter, "app": one.app, "value": one.value, "alerts": one.alerts,
                    "gained": one.gained, "lost": one.lost, "regraded": one.regraded, "share": self.share(one),
                }
                for one in self.neighbours
            ],
            "overlap": self.overlap,
            "gained": [brief(alert) for alert in self.gained],
            "lost": [brief(alert) for alert in self.lost],
            "regraded": [{**brief(one.alert), "severity_live": str(one.live)} for one in self.regraded],
        }  # fmt: skip

    def share(self, near: Neighbour) -> float | None:
        """Return which part of the alerts stands within one step of a threshold: gained, lost or of another severity
        by moving it.
        """
        moved_by_it = near.gained + near.lost + near.regraded
        return round(moved_by_it / len(self.alerts), 3) if self.alerts else None


def backtest(
    rule: type[AnyRule],
    history: History,
    span: Span,
    apps: Apps,
    *,
    live: Mapping[str, type[AnyRule]],
    settings: Mapping[str, RuleSetting],
    changes: Sequence[Change] = (),
    exceptions: Exceptions | None = None,
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
        changes: parameters to try.
        exceptions: as they are configured.
        lists: the network lists as they are now; what is stored tells how they changed.

    Raises:
        CommandError: a parameter or app does not exist, or cannot be so; or the rule is a learned one.
    """
    if rule.id in LEARNED:
        raise CommandError(f"{rule.id} is trained, not tuned: hold `evaluate` of one model against that of another")
    if rule.id in PROVIDER:
        raise CommandError(f"{rule.id} tells what an identity provider has said: no stored event leads to it")
    live = {name: one for name, one in live.items() if name not in LEARNED}
    setting = tried(rule, settings.get(rule.id, RuleSetting()), changes, apps)
    near = moved(rule, setting)
    # A rule that reads other rules' alerts is nothing without them.
    beside = {**(live if rule.reads or rule.reported == "join" or not rule.needs else {}), rule.id: rule}
    others = {name: one for name, one in settings.items() if name in beside}
    plans = [Plan(settings, rules=live, exceptions=exceptions)]
    plans += [
        Plan({**others, rule.id: one}, rules=beside, exceptions=exceptions)
        for one in (setting, *(step.setting for step in near))
    ]
    for plan in plans:
        plan.lists.start(lists)
    in_force, *judgements = [Judgement(plan, apps) for plan in plans]
    result = Backtest(rule.id, span, *shown(rule, setting))
    for chunk in read(history, span, max(warm_up_us(plan, apps) for plan in plans)):
        _count(result, chunk)
        told = in_force.judge(chunk)
        in_force.judge(told)
        for judgement in judgements:
            judgement.judge(chunk)
            judgement.judge(told)
    everything = in_force.alerts(span)
    before = {key: alert for key, alert in everything.items() if alert.rule_id == rule.id and _stands(alert)}
    found, *moved_found = [judgement.alerts(span, rule.id) for judgement in judgements]
    after = {key: alert for key, alert in found.items() if _stands(alert)}
    result.alerts = _by_time(after.values())
    result.suppressed = len(found) - len(after)
    result.live = len(before)
    result.gained = _by_time(alert for key, alert in after.items() if key not in before)
    result.lost = _by_time(alert for key, alert in before.items() if key not in after)
    result.regraded = [
        Regraded(alert, before[alert.alert_id].severity) for alert in result.alerts if _is_regraded(alert, before)
    ]
    for step, alerts in zip(near, moved_found, strict=True):
        near_by = {key: alert for key, alert in alerts.items() if _stands(alert)}
        gained, lost = len(near_by.keys() - after.keys()), len(after.keys() - near_by.keys())
        regraded = sum(_is_regraded(alert, after) for alert in near_by.values())
        result.neighbours.append(Neighbour(step.parameter, step.app, step.value, len(near_by), gained, lost, regraded))
    told_too = [one for one in everything.values() if one.rule_id != rule.id and one.mode != "shadow"]
    result.overlap = _overlap(result.alerts, told_too, apps)
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


def _count(result: Backtest, chunk: Iterable[Item]) -> None:
    times = [item.time_us for item in chunk if isinstance(item, Event) and item.time_us in result.span]
    if times:
        result.first_us = min(times) if not result.events else min(result.first_us, *times)
        result.last_us = max(result.last_us, *times)
        result.events += len(times)


def _is_regraded(alert: Alert, others: Mapping[str, Alert]) -> bool:
    other = others.get(alert.alert_id)
    return other is not None and other.severity is not alert.severity


def _stands(alert: Alert) -> bool:
    return alert.suppressed_by is None


def _overlap(alerts: Iterable[Alert], others: Iterable[Alert], apps: Apps) -> dict[str, int]:
    about: dict[Subject, list[Alert]] = defaultdict(list)
    for other in others:
        for subject in _subjects(other, apps):
            about[subject].append(other)
    counted: Counter[str] = Counter()
    for alert in alerts:
        told = [other for subject in _subjects(alert, apps) for other in about.get(subject, ())]
        counted.update({other.rule_id for other in told if _apart_us(alert, other) <= OVERLAP_US})
    return dict(counted.most_common())


def _apart_us(one: Alert, other: Alert) -> int:
    later = max(one.first_event_time_us, other.first_event_time_us)
    return max(0, later - min(one.last_event_time_us, other.last_event_time_us))


def _subjects(alert: Alert, apps: Apps) -> set[Subject]:
    realm = apps.realm_of(alert.app)
    named = (("session", alert.session_id), ("user", alert.user_id), (alert.key_kind, alert.key_value))
    return {
        (kind, alert.app if kind in ("session", "app") else realm, value) for kind, value in named if value is not None
    }


def _by_time(alerts: Iterable[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda alert: (alert.event_time_us, alert.alert_id))
