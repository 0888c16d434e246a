"""App reports: findings about how an app keeps its own session policy, one alert an app, rule and day.

They count into nobody's risk (decision 22).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from detectors.findings.counts import Counts, last_day, settled_us
from detectors.findings.derived import Share, ShareParameters
from detectors.findings.standing import SEVERITIES, Told
from detectors.rules import AnyRule
from detectors.rules.sessions_without_end import SessionsWithoutEnd
from schemas.alert import MAX_EVIDENCE, Alert, AlertChange, Evidence, Severity, alert_id
from schemas.app import Apps
from schemas.instant import DAY, to_datetime

MAX_FINDINGS = 20_000
"""Findings kept of one app, rule and day: the first ones. Of more it is told that there are at least so many."""
MAX_GROUPS = 5_000
DAYS_OPEN = 2
"""For how long a day's report is still added to, counted in days of the app's own events."""

GroupKey = tuple[str, str, int]
"""Rule, app, and days since the epoch."""

RulesOf = Callable[[str], Mapping[str, AnyRule]]
"""Returns the rules in force for an app, by id."""


class Finding(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a rule found of one session."""

    time_us: int
    alert_id: str
    session: str
    event_id: str
    fact: str
    rank: int


class Group(msgspec.Struct, gc=False):
    """The findings of one rule, app and day, by alert id; and whether some had to be left out."""

    findings: dict[str, Finding] = {}
    overflowed: bool = False


class Reports:
    """Gathers findings by app and day.

    Args:
        counts: the sessions of each day.
        rules_of: the rules in force by app.
        apps: what each app declares.
        readers: by rule, the reports that are made from its alerts.
    """

    def __init__(self, counts: Counts, rules_of: RulesOf, apps: Apps, readers: Mapping[str, tuple[str, ...]]) -> None:
        self.told = Told()
        self.changed: set[tuple[str, str]] = set()
        self._counts = counts
        self._rules_of = rules_of
        self._apps = apps
        self._readers = readers
        self._groups: dict[GroupKey, Group] = {}
        self._where: dict[tuple[str, str], GroupKey] = {}
        self._newest_day: dict[str, int] = {}
        self._dirty: set[GroupKey] = set()
        self._unended_told: set[GroupKey] = set()

    def take(self, change: AlertChange, *, own: bool) -> None:
        """File how a finding changed.

        Args:
            change: of an alert about one session.
            own: the alert is told here alone; else it is read by other reports.
        """
        alert = change.alert
        for rule_id in (alert.rule_id,) if own else self._readers.get(alert.rule_id, ()):
            finding = None if change.kind == "withdrawn" or not _counts(alert) else _finding(alert)
            self.put(rule_id, alert.app, alert.alert_id, finding)

    def put(self, rule_id: str, app: str, identity: str, finding: Finding | None) -> None:
        """File a finding under a report; None = it no longer stands."""
        place = rule_id, identity
        key = None if finding is None else (rule_id, app, finding.time_us // DAY)
        before = self._where.get(place)
        if before is not None and before != key:
            self._remove(place, before)
        if finding is None or key is None:
            return
        newest = self._newest_day[app] = max(key[2], self._newest_day.get(app, 0))
        if key[2] < newest - DAYS_OPEN:
            return
        self._add(place, key, finding)

    def changes(self) -> Iterator[AlertChange]:
        """Yield what is new in the reports."""
        self._follow_counts()
        dirty, self._dirty = self._dirty, set()
        for key in sorted(dirty):
            rule = self._rules_of(key[1]).get(key[0])
            alert = None if rule is None else self._report(key, rule)
            change = self.told.renew(_identity(key), alert)
            if change is not None:
                yield change
        self._close()

    def stored(self) -> Iterator[tuple[tuple[str, str], tuple[str, Finding] | None]]:
        """Yield by rule and alert id the findings that changed since the last call, each with its app."""
        changed, self.changed = self.changed, set()
        for place in sorted(changed):
            key = self._where.get(place)
            yield place, None if key is None else (key[1], self._groups[key].findings[place[1]])

    def _add(self, place: tuple[str, str], key: GroupKey, finding: Finding) -> None:
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= MAX_GROUPS:
                self._drop(min(self._groups, key=lambda one: (one[2], one)))
            group = self._groups[key] = Group()
        if len(group.findings) >= MAX_FINDINGS and place[1] not in group.findings:
            group.overflowed = True
            last = max(group.findings.values(), key=_order)
            if _order(finding) > _order(last):
                return
            self._remove((key[0], last.alert_id), key)
        group.findings[place[1]] = finding
        self._where[place] = key
        self._dirty.add(key)
        self.changed.add(place)

    def _remove(self, place: tuple[str, str], key: GroupKey) -> None:
        del self._where[place]
        self._groups[key].findings.pop(place[1], None)
        self._dirty.add(key)
        self.changed.add(place)

    def _follow_counts(self) -> None:
        """Look again at the reports that the counts of a day are part of."""
        counts = self._counts
        touched, counts.touched = counts.touched, set()
        advanced, counts.advanced = counts.advanced, {}
        for app, day in touched:
            for rule in self._rules_of(app).values():
                if isinstance(rule, Share) and (rule.id, app, day) in self._groups:
                    self._dirty.add((rule.id, app, day))
        for app in {app for app, _ in touched}.union(advanced):
            if SessionsWithoutEnd.id in self._rules_of(app):
                self._look_at_ends(app, {day for name, day in touched if name == app}, advanced.get(app))

    def _look_at_ends(self, app: str, touched: set[int], before_us: int | None) -> None:
        life_us, newest_us = self._apps[app].session_life_us, self._counts.newest_us.get(app, 0)
        for day in self._counts.days(app):
            settled = settled_us(day, life_us)
            if settled > newest_us:
                continue
            news = before_us is not None and before_us < settled
            if news or any(day <= one <= last_day(day, life_us) for one in touched):
                self._dirty.add((SessionsWithoutEnd.id, app, day))

    def _close(self) -> None:
        """Let go of the days that are over."""
        for key in [key for key in self._groups if key[2] < self._newest_day.get(key[1], 0) - DAYS_OPEN]:
            self._drop(key)
        for key in [key for key in self._unended_told if key[2] not in self._counts.days(key[1])]:
            self._unended_told.discard(key)
            self.told.forget(_identity(key))
        if len(self._newest_day) > 2 * MAX_GROUPS:
            apps = {app for _, app, _ in self._groups}
            self._newest_day = {app: day for app, day in self._newest_day.items() if app in apps}

    def _drop(self, key: GroupKey) -> None:
        group = self._groups.pop(key)
        self.told.forget(_identity(key))
        self._dirty.discard(key)
        for identity in group.findings:
            del self._where[key[0], identity]
            self.changed.add((key[0], identity))

    def _report(self, key: GroupKey, rule: AnyRule) -> Alert | None:
        if isinstance(rule, SessionsWithoutEnd):
            return self._unended(key, rule)
        group = self._groups.get(key)
        if group is None or not group.findings:
            return None
        findings = sorted(group.findings.values(), key=_order)
        sessions = len({finding.session for finding in findings})
        on = f"of {key[1]} on {_date(key[2])}, the first {findings[0].session}"
        at_least = "at least " if group.overflowed else ""
        severity = SEVERITIES[max(finding.rank for finding in findings)]
        if isinstance(rule, Share):
            judged = max(sessions, self._counts.count(key[1], key[2], rule.counted))
            assert isinstance(rule.parameters, ShareParameters)
            if judged < rule.parameters.sessions or sessions < rule.parameters.share * judged:
                return None
            summary = f"{rule.title}: {at_least}{sessions} of {judged} {rule.found} {on}"
            severity = rule.fixed_severity or rule.severity
        else:
            summary = f"{rule.title}: {at_least}{sessions} sessions {on}"
        return _alert(key, rule, severity, summary, sessions, findings)

    def _unended(self, key: GroupKey, rule: SessionsWithoutEnd) -> Alert | None:
        _, app, day = key
        found = self._counts.unended(app, day, self._apps[app].session_life_us)
        assert isinstance(rule.parameters, ShareParameters)
        if found is None or found.judged < rule.parameters.sessions:
            return None
        if found.unended < rule.parameters.share * found.judged:
            return None
        self._unended_told.add(key)
        summary = f"{rule.title}: {found.unended} of {found.judged} sessions that began in {app} on {_date(day)}"
        return _alert(key, rule, rule.fixed_severity or rule.severity, summary, found.unended, [])


def _alert(
    key: GroupKey, rule: AnyRule, severity: Severity, summary: str, sessions: int, findings: list[Finding]
) -> Alert:
    rule_id, app, day = key
    times = [finding.time_us for finding in findings] or [day * DAY]
    return Alert(
        alert_id=_identity(key),
        rule_id=rule_id,
        rule_version=rule.version,
        severity=severity,
        mode=rule.active_mode,
        app=app,
        key_kind="app",
        key_value=app,
        event_time_us=times[0],
        first_event_time_us=times[0],
        last_event_time_us=times[-1],
        summary=summary,
        evidence=tuple(
            Evidence(one.event_id, one.time_us, f"{one.session}: {one.fact}") for one in findings[:MAX_EVIDENCE]
        ),
        hits=sessions,
    )


def _finding(alert: Alert) -> Finding:
    shown = alert.evidence[-1] if alert.evidence else Evidence("", alert.event_time_us, alert.summary)
    session = alert.session_id or alert.key_value
    return Finding(alert.event_time_us, alert.alert_id, session, shown.event_id, shown.fact, alert.severity.rank)


def _counts(alert: Alert) -> bool:
    return alert.drill is None and alert.suppressed_by is None


def _identity(key: GroupKey) -> str:
    rule_id, app, day = key
    return alert_id(rule_id, app, app, str(day * DAY))


def _order(finding: Finding) -> tuple[int, str]:
    return finding.time_us, finding.alert_id


def _date(day: int) -> str:
    return to_datetime(day * DAY).date().isoformat()
