"""Risk: a score for each user and session, made of the alerts that stand, and the alert that a threshold raises.

Which alerts count: those of rules in mode alert or enforce, neither withdrawn nor cleared by a person; no app report,
no risk alert, no `revocation-not-effective` (decision 22). Of one rule and key the strongest counts, so that a rule
which repeats itself all day does not add up. Several rules that speak of one session mostly tell one happening in
their own words: the strongest of them counts in full, each other one by half. Formula and reasons stand at
`schemas.risk.score_of`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec

from detectors.findings.derived import Subject
from detectors.findings.reports import RulesOf
from detectors.findings.standing import Move, Standing, Told, standing
from detectors.rules import AnyRule
from detectors.rules.risk_threshold import RiskThreshold, RiskThresholdParameters
from schemas.alert import MAX_EVIDENCE, Alert, AlertChange, Evidence, Severity, alert_id
from schemas.instant import DAY
from schemas.risk import HALF_LIFE_US, Contribution, score_of
from store.rows import RiskRow

POINTS: dict[Severity, float] = {
    Severity.INFO: 0,
    Severity.LOW: 10,
    Severity.MEDIUM: 30,
    Severity.HIGH: 60,
    Severity.CRITICAL: 85,
}
"""Points by severity, times the alert's confidence. Read as a probability in per cent that the account is in somebody
else's hands; four medium signs of four kinds then weigh somewhat more than a high one, and none is certain."""

SAME_SESSION = 0.5
"""What a further rule's alert about the same session counts."""

HALF_LIVES = 7
"""Alerts older than this many half-lives count for less than one point in a hundred, and no more."""

MAX_ALERTS = 64
"""Alerts of one user or session that count: the newest. Nobody with more needs a score to be looked at."""

WITHOUT_RISK = frozenset({"revocation-not-effective", "risk-threshold"})


def risk_of(alerts: Iterable[Alert], now_us: int | None = None, half_life_us: int = HALF_LIFE_US) -> float:
    """Return the score of a list of alerts about one user or session, 0 to 100.

    Args:
        alerts: that stand; others than those that count are left out.
        now_us: at which instant, microseconds since the epoch; None = at the last event of the newest one.
        half_life_us: after this long an alert counts for half.
    """
    counted = [standing(alert, "") for alert in alerts if alert.status != "withdrawn" and alert.mode != "shadow"]
    if now_us is None:
        now_us = max((one.last_us for one in counted), default=0)
    return score_of(contributions(counted, now_us, half_life_us), now_us, half_life_us)


def contributions(counted: Iterable[Standing], now_us: int, half_life_us: int = HALF_LIFE_US) -> list[Contribution]:
    """Return what alerts add at an instant, the most first.

    Args:
        counted: about one user or session.
        now_us: microseconds since the epoch; later alerts count in full.
        half_life_us: after this long an alert counts for half.
    """
    found: list[tuple[Contribution, str | None]] = []
    eligible = sorted((one for one in counted if _counts(one, now_us, half_life_us)), key=_kind)
    for _, group in groupby(eligible, key=_kind):
        same = [(_contribution(one), one.session_id) for one in group]
        strongest, session_id = max(same, key=lambda one: (one[0].points_at(now_us, half_life_us), one[0].alert_id))
        found.append((msgspec.structs.replace(strongest, further=len(same) - 1), session_id))
    found.sort(key=lambda one: (-one[0].points_at(now_us, half_life_us), one[0].alert_id))
    added, sessions = [], set()
    for one, session_id in found:
        points = one.points * (SAME_SESSION if (one.app, session_id) in sessions else 1)
        if session_id is not None:
            sessions.add((one.app, session_id))
        added.append(msgspec.structs.replace(one, points=points))
    added.sort(key=lambda one: (-one.points_at(now_us, half_life_us), one.alert_id))
    return added


class Risks:
    """The alerts that count against each user and session.

    Args:
        rules_of: the rules in force by app.
        horizon_us: how long an alert counts.
    """

    def __init__(self, rules_of: RulesOf, horizon_us: int = HALF_LIVES * HALF_LIFE_US) -> None:
        self.told = Told()
        self._rules_of = rules_of
        self._of: dict[Subject, dict[str, Standing]] = {}
        self._horizon_us = horizon_us
        self._oldest_day: dict[Subject, int] = {}
        self._raised: dict[Subject, dict[str, int]] = {}
        self._dirty: set[Subject] = set()

    def move(self, move: Move) -> None:
        """Take in how an alert changed."""
        before, after = move.before, move.after
        places = {subject for one in (before, after) if one is not None for subject in _subjects(one)}
        for subject in places:
            alerts = self._of.setdefault(subject, {})
            if before is not None:
                alerts.pop(before.alert_id, None)
            if after is not None and not after.cleared and subject in _subjects(after):
                alerts[after.alert_id] = after
                if len(alerts) > MAX_ALERTS:
                    del alerts[min(alerts.values(), key=_order).alert_id]
            if not alerts:
                del self._of[subject]
            self._dirty.add(subject)

    def forget(self, gone: Standing) -> None:
        """Take an alert as history: the days in which it counted are not judged again."""
        for subject in _subjects(gone):
            alerts = self._of.get(subject, {})
            alerts.pop(gone.alert_id, None)
            if alerts:
                day = (gone.last_us + self._horizon_us) // DAY + 1
                self._oldest_day[subject] = max(day, self._oldest_day.get(subject, 0))
            else:
                self._of.pop(subject, None)
                self._oldest_day.pop(subject, None)
                for identity in self._raised.pop(subject, {}):
                    self.told.forget(identity)

    def at(self, kind: str, scope: str, value: str, now_us: int) -> float:
        """Return the score of a user (by realm) or session (by app) at an instant."""
        alerts = self._of.get((kind, scope, value), {}).values()
        rule = self._rule(alerts)
        half_life_us = HALF_LIFE_US if rule is None else _parameters(rule).half_life
        return score_of(contributions(alerts, now_us, half_life_us), now_us, half_life_us)

    def changes(self) -> tuple[list[AlertChange], list[RiskRow]]:
        """Return what is new in the risk alerts, and the risks that changed."""
        changes: list[AlertChange] = []
        rows = []
        dirty, self._dirty = self._dirty, set()
        for subject in sorted(dirty):
            alerts = self._of.get(subject, {})
            if subject[0] == "user":
                changes += self._judge(subject, alerts)
            rows.append(_row(subject, alerts, self._rule(alerts.values())))
        return changes, rows

    def retell(self) -> None:
        """Write every risk anew with the next changes: the stored ones were made by other rules."""
        self._dirty.update(self._of)

    def _judge(self, subject: Subject, alerts: dict[str, Standing]) -> Iterator[AlertChange]:
        rule = self._rule(alerts.values())
        oldest_day = self._oldest_day.get(subject, 0)
        found = {} if rule is None else _days(subject, sorted(alerts.values(), key=_order), rule)
        raised = self._raised.pop(subject, {})
        for identity, day in list(raised.items()):
            if day < oldest_day:
                # Of that day not every alert is remembered any more: it stays as it was told.
                self.told.forget(identity)
                del raised[identity]
        now = {_identity(subject, day): alert for day, alert in found.items() if day >= oldest_day}
        for identity in sorted({*raised, *now}):
            change = self.told.renew(identity, now.get(identity))
            if change is not None:
                yield change
        if now:
            self._raised[subject] = {alert.alert_id: alert.event_time_us // DAY for alert in now.values()}

    def _rule(self, alerts: Iterable[Standing]) -> RiskThreshold | None:
        """Return the rule as set for the app of the alert that counts most, as it may be set by app."""
        first = max(alerts, key=lambda one: (one.rank, one.last_us, one.alert_id), default=None)
        rule: AnyRule | None = None if first is None else self._rules_of(first.app).get(RiskThreshold.id)
        return rule if isinstance(rule, RiskThreshold) else None


def _days(subject: Subject, alerts: Sequence[Standing], rule: RiskThreshold) -> dict[int, Alert]:
    """Return the alert of each day on which the score reached a threshold, at the times of the alerts themselves."""
    found: dict[int, Alert] = {}
    tiers: dict[int, Severity] = {}
    for place, last in enumerate(alerts):
        now_us, day = last.last_us, last.last_us // DAY
        added = contributions(alerts[: place + 1], now_us, _parameters(rule).half_life)
        severity = _tier(added, now_us, _parameters(rule))
        if severity is None:
            continue
        before = found.get(day)
        if before is None:
            found[day], tiers[day] = _alert(subject, day, now_us, added, severity, rule, alerts), severity
            continue
        alert = before
        if severity.rank > tiers[day].rank:
            tiers[day] = severity
            alert = found[day] = _alert(subject, day, now_us, added, severity, rule, alerts)
            alert.first_event_time_us = before.first_event_time_us
        alert.hits, alert.last_event_time_us = before.hits + 1, now_us
    return found


def _tier(added: Sequence[Contribution], now_us: int, parameters: RiskThresholdParameters) -> Severity | None:
    if len({one.rule_id for one in added}) < parameters.rules:
        return None
    score = score_of(added, now_us, parameters.half_life)
    if score >= parameters.high:
        return Severity.HIGH
    told = any(one.severity.rank >= Severity.HIGH.rank for one in added)
    return Severity.MEDIUM if score >= parameters.medium and not told else None


def _alert(
    subject: Subject,
    day: int,
    now_us: int,
    added: Sequence[Contribution],
    severity: Severity,
    rule: RiskThreshold,
    alerts: Sequence[Standing],
) -> Alert:
    half_life_us = _parameters(rule).half_life
    score = score_of(added, now_us, half_life_us)
    named = ", ".join(f"{one.rule_id} {one.points_at(now_us, half_life_us):.0f}" for one in added[:5])
    by_id = {one.alert_id: one for one in alerts}
    evidence = []
    for one in added[:MAX_EVIDENCE]:
        shown = by_id[one.alert_id].shown
        if shown is not None:
            said = f"{one.rule_id}, {one.points:.0f} points: {shown.fact}"
            evidence.append(Evidence(shown.event_id, shown.time_us, said))
    return Alert(
        alert_id=_identity(subject, day),
        rule_id=rule.id,
        rule_version=rule.version,
        severity=rule.fixed_severity or severity,
        mode=rule.active_mode,
        app=added[0].app,
        key_kind="user",
        key_value=subject[2],
        event_time_us=now_us,
        first_event_time_us=now_us,
        last_event_time_us=now_us,
        summary=f"Risk {score:.0f} of 100: {named}",
        evidence=tuple(sorted(evidence, key=lambda item: (item.time_us, item.event_id))),
        user_id=subject[2],
    )


def _row(subject: Subject, alerts: dict[str, Standing], rule: RiskThreshold | None) -> RiskRow:
    half_life_us = HALF_LIFE_US if rule is None else _parameters(rule).half_life
    as_of_us = max((one.last_us for one in alerts.values()), default=0)
    added = contributions(alerts.values(), as_of_us, half_life_us)
    kind, scope, value = subject
    return RiskRow(kind, scope, value, score_of(added, as_of_us, half_life_us), as_of_us, half_life_us, tuple(added))


def _parameters(rule: RiskThreshold) -> RiskThresholdParameters:
    assert isinstance(rule.parameters, RiskThresholdParameters)
    return rule.parameters


def _subjects(one: Standing) -> Iterator[Subject]:
    if one.rule_id in WITHOUT_RISK:
        return
    if one.user_id is not None:
        yield "user", one.realm, one.user_id
    if one.session_id is not None:
        yield "session", one.app, one.session_id


def _counts(one: Standing, now_us: int, half_life_us: int) -> bool:
    if one.rule_id in WITHOUT_RISK or one.cleared or not POINTS[one.severity]:
        return False
    return one.last_us > now_us - HALF_LIVES * half_life_us


def _contribution(one: Standing) -> Contribution:
    points = POINTS[one.severity] * min(1.0, max(0.0, one.confidence))
    return Contribution(one.alert_id, one.rule_id, one.app, one.severity, points, one.last_us, one.summary)


def _kind(one: Standing) -> tuple[str, str, str, str]:
    return one.rule_id, one.app, one.key_kind, one.key_value


def _order(one: Standing) -> tuple[int, str]:
    return one.last_us, one.alert_id


def _identity(subject: Subject, day: int) -> str:
    return alert_id(RiskThreshold.id, subject[1], subject[2], str(day * DAY))
