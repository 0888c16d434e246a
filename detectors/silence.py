"""The rhythm of each app, and silences that it does not allow.

Time moves by the events of all apps and by the pipeline's stored ticks. A minute is decided once the bound of disorder
has passed it; so order inside the bound and the split into batches do not matter, and a replay of what is stored
comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import msgspec

from detectors.engine import ALLOWED_LATENESS_US
from detectors.findings.reports import RulesOf
from detectors.rules import AnyRule
from detectors.rules.source_silent import SourceSilent, SourceSilentParameters
from schemas.alert import Alert, AlertChange, Evidence, alert_id
from schemas.app import Apps
from schemas.event import Event
from schemas.instant import MINUTE, to_rfc3339

HOURS = 168
"""Of a week: the rhythm has one value for each."""

FORGOTTEN = 0.25
"""How far the least that an hour of the week was heard of moves up in a week that was livelier."""

MAX_UNDECLARED = 1_000
"""Apps remembered that nobody has declared, 2 KB each: anybody who may write to the topic can invent them."""

_HOUR = 60
_DAY_HOURS = 24
_AHEAD = 2 * HOURS
"""Hours looked ahead for the end of a silence that the rhythm allows."""
_FIRST_DAY = 3
_SATURDAY = 5
_NEVER = 2**62
_DROPPED = ("dropped_validate", "dropped_fail", "dropped_other")


class Heard(msgspec.Struct, gc=False, array_like=True):
    """The newest event of a minute; changed in place until the minute is decided.

    Attributes:
        beat_us, dropped: when its newest heartbeat was, and how many events its emitter had dropped until then.
    """

    time_us: int
    event_id: str
    beat_us: int = 0
    dropped: int = 0


class Rhythm(msgspec.Struct, gc=False, array_like=True):
    """What is known of an app. Minutes and hours count from the epoch.

    Attributes:
        minutes: those with an event, in all.
        hour, active: the open hour, and its minutes with an event so far.
        shares: by hour of the week, the least share of its minutes in the last weeks; -1 = never seen.
        pending: minutes with an event that are not decided yet.
        last_minute, last: the newest decided minute with an event.
        silent: the alert of a silence that has not ended.
    """

    began_minute: int
    minutes: int = 0
    hour: int = 0
    active: int = 0
    shares: list[float] = msgspec.field(default_factory=lambda: [-1.0] * HOURS)
    pending: dict[int, Heard] = {}
    last_minute: int = 0
    last: Heard = msgspec.field(default_factory=lambda: Heard(0, ""))
    silent: Alert | None = None

    def expected(self) -> list[float]:
        """Return by hour of the week how large a share of minutes must be expected.

        An hour never seen is as the quietest of its time of day, of working days or of weekends; 0 where there is none.
        """
        least: dict[tuple[bool, int], float] = {}
        for hour, share in enumerate(self.shares):
            if share >= 0:
                kind = _kind(hour)
                least[kind] = min(share, least.get(kind, 1.0))
        return [share if share >= 0 else least.get(_kind(hour), 0.0) for hour, share in enumerate(self.shares)]

    def learn(self, until_hour: int) -> None:
        """Take the hours before this one as ordinary: the open one, and those without any event since."""
        self._learn(self.hour, self.active / _HOUR)
        for hour in range(max(self.hour + 1, until_hour - HOURS), until_hour):
            self._learn(hour, 0.0)

    def _learn(self, hour: int, share: float) -> None:
        known = self.shares[hour % HOURS]
        if known >= 0:
            share = min(share, known + FORGOTTEN * (share - known))
        self.shares[hour % HOURS] = share


class Clock(msgspec.Struct, array_like=True):
    """How far time has moved, microseconds, and the first minute that is not decided."""

    now_us: int = 0
    minute: int = 0


class Silence:
    """Hears of every event, and tells of apps that are not heard of.

    Args:
        rules_of: the rules in force by app.
        apps: the declared ones are never forgotten for others.
    """

    def __init__(self, rules_of: RulesOf, apps: Apps) -> None:
        self.clock = Clock()
        self._rules_of = rules_of
        self._declared = {policy.name for policy in apps.declared()}
        self._rhythms: dict[str, Rhythm] = {}
        self._due: dict[str, int] = {}
        self._changed: set[str] = set()
        self._asked = (0, False)
        self._heard_us = 0

    def observe(self, event: Event) -> None:
        """Hear of an event."""
        time_us, now_us = event.time_us, self.clock.now_us
        if time_us <= self._heard_us:
            return
        if time_us > now_us:
            self.clock.now_us = time_us
        # What comes too late for its own minute is a sign of life now.
        minute = time_us // MINUTE if time_us >= now_us - ALLOWED_LATENESS_US else _limit(now_us)
        rhythm = self._rhythms.get(event.app) or self._new(event.app, minute)
        heard = rhythm.pending.get(minute)
        if heard is None:
            heard = rhythm.pending[minute] = Heard(time_us, event.event_id)
        elif time_us > heard.time_us or (time_us == heard.time_us and event.event_id > heard.event_id):
            heard.time_us, heard.event_id = time_us, event.event_id
        if event.type == "heartbeat":
            _take_beat(heard, event)

    def tick(self, time_us: int) -> None:
        """Let time move: the pipeline says how late it is."""
        self.clock.now_us = max(self.clock.now_us, time_us)

    def changes(self) -> list[AlertChange]:
        """Decide the minutes that are over, and return what is new."""
        limit = _limit(self.clock.now_us)
        if limit <= self.clock.minute:
            return []
        self.clock.minute = limit
        changes: list[AlertChange] = []
        for app, rhythm in self._rhythms.items():
            for minute in sorted(minute for minute in rhythm.pending if minute < limit):
                changes += self._judge(app, rhythm, minute)
                changes += self._speak(app, rhythm, minute)
            changes += self._judge(app, rhythm, limit)
        return changes

    def wants_tick(self, stream_us: int) -> bool:
        """Say whether a silence waits that this stream time decides."""
        limit = _limit(stream_us)
        if limit <= self.clock.minute:
            return False
        if self._asked[0] != limit:
            self._asked = (limit, any(self._waits(app, rhythm, limit) for app, rhythm in self._rhythms.items()))
        return self._asked[1]

    def stored(self) -> Iterator[tuple[str, Rhythm | None]]:
        """Yield the apps of which something was heard since the last call; None = forgotten."""
        changed, self._changed = self._changed, set()
        changed.update(app for app, rhythm in self._rhythms.items() if rhythm.pending)
        for app in sorted(changed):
            yield app, self._rhythms.get(app)

    def put(self, app: str, rhythm: Rhythm) -> None:
        """Take in what was stored of an app."""
        self._rhythms[app] = rhythm
        self._changed.add(app)

    def take_over(self) -> None:
        """Take what was put in as heard already: the events before it are told once more, for other rules."""
        self._heard_us = self.clock.now_us

    def _new(self, app: str, minute: int) -> Rhythm:
        if app not in self._declared:
            others = [name for name in self._rhythms if name not in self._declared]
            if len(others) >= MAX_UNDECLARED:
                self._forget(others[0])
        rhythm = self._rhythms[app] = Rhythm(minute, hour=minute // _HOUR, last_minute=minute)
        return rhythm

    def _forget(self, app: str) -> None:
        del self._rhythms[app]
        self._due.pop(app, None)
        self._changed.add(app)

    def _waits(self, app: str, rhythm: Rhythm, limit: int) -> bool:
        rule = self._rule(app)
        if rule is None:
            return False
        parameters, shortest = _parameters(rule)
        if rhythm.pending:
            # From the newest of these the silence counts; whoever speaks is not waited for.
            return limit - max(rhythm.pending) > shortest
        return rhythm.silent is None and self._due_of(app, rhythm, parameters, shortest) <= limit

    def _judge(self, app: str, rhythm: Rhythm, until: int) -> Iterator[AlertChange]:
        """Tell of a silence that lasts until a minute, where it is longer than the rhythm allows."""
        rule = self._rule(app)
        if rule is None or rhythm.silent is not None or not rhythm.minutes:
            return
        parameters, shortest = _parameters(rule)
        if until - rhythm.last_minute <= shortest:
            return
        due = self._due_of(app, rhythm, parameters, shortest)
        if due <= until:
            rhythm.silent = _alert(rule, app, rhythm, due)
            self._changed.add(app)
            yield AlertChange("raised", rhythm.silent)

    def _speak(self, app: str, rhythm: Rhythm, minute: int) -> Iterator[AlertChange]:
        heard, hour = rhythm.pending.pop(minute), minute // _HOUR
        self._changed.add(app)
        self._due.pop(app, None)
        if rhythm.silent is not None:
            yield AlertChange("updated", _ended(rhythm.silent, rhythm, heard))
            # A silence that was told is no part of the rhythm.
            rhythm.silent, rhythm.hour, rhythm.active = None, hour, 0
        elif hour > rhythm.hour:
            rhythm.learn(hour)
            rhythm.hour, rhythm.active = hour, 0
        rhythm.active += 1
        rhythm.minutes += 1
        rhythm.last_minute, rhythm.last = minute, heard

    def _due_of(self, app: str, rhythm: Rhythm, parameters: SourceSilentParameters, shortest: int) -> int:
        """Return the minute from which the present silence is too long."""
        due = self._due.get(app)
        if due is None:
            due = self._due[app] = _due(rhythm, parameters, shortest)
        return due

    def _rule(self, app: str) -> AnyRule | None:
        return self._rules_of(app).get(SourceSilent.id)


def _parameters(rule: AnyRule) -> tuple[SourceSilentParameters, int]:
    parameters = rule.parameters
    assert isinstance(parameters, SourceSilentParameters)
    return parameters, ceil(parameters.shortest / MINUTE)


def _due(rhythm: Rhythm, parameters: SourceSilentParameters, shortest: int) -> int:
    expected, missed = rhythm.expected(), 0.0
    minute = rhythm.last_minute + 1
    for hour in range(minute // _HOUR, minute // _HOUR + _AHEAD):
        share, minutes = expected[hour % HOURS], (hour + 1) * _HOUR - minute
        if share > 0 and missed + share * minutes >= parameters.missed:
            minute += ceil((parameters.missed - missed) / share)
            break
        missed += share * minutes
        minute += minutes
    else:
        return _NEVER
    learned = minute - rhythm.began_minute >= parameters.learns // MINUTE or rhythm.minutes >= parameters.minutes
    return max(minute, rhythm.last_minute + shortest + 1) if learned else _NEVER


def _alert(rule: AnyRule, app: str, rhythm: Rhythm, due: int) -> Alert:
    last, due_us = rhythm.last, due * MINUTE
    expected = rhythm.expected()
    usual = expected[rhythm.last_minute // _HOUR % HOURS]
    dropped = f"; its last heartbeat told of {last.dropped} events dropped" if last.dropped else ""
    return Alert(
        alert_id=alert_id(rule.id, app, app, str(rhythm.last_minute)),
        rule_id=rule.id,
        rule_version=rule.version,
        severity=rule.fixed_severity or rule.severity,
        mode=rule.active_mode,
        app=app,
        key_kind="app",
        key_value=app,
        event_time_us=due_us,
        first_event_time_us=last.time_us,
        last_event_time_us=due_us,
        summary=f"Nothing is heard of {app} since {_shown(last.time_us)}: longer than its rhythm allows{dropped}",
        evidence=(Evidence(last.event_id, last.time_us, "the last event before the silence"),),
        usual={"minutes with an event in this hour of the week": f"{round(usual * _HOUR)} of {_HOUR}"},
    )


def _ended(alert: Alert, rhythm: Rhythm, heard: Heard) -> Alert:
    silence = max(1, round((heard.time_us - rhythm.last.time_us) / MINUTE))
    return msgspec.structs.replace(
        alert,
        last_event_time_us=max(alert.last_event_time_us, heard.time_us),
        summary=f"Nothing was heard of {alert.app} for {silence} minutes, since {_shown(rhythm.last.time_us)}; "
        f"it speaks again since {_shown(heard.time_us)}",
        evidence=(*alert.evidence, Evidence(heard.event_id, heard.time_us, "the first event after the silence")),
    )


def _take_beat(heard: Heard, event: Event) -> None:
    if event.time_us < heard.beat_us:
        return
    counted = [(event.attributes or {}).get(name) for name in _DROPPED]
    dropped = sum(number for number in counted if isinstance(number, int) and number > 0)
    if event.time_us == heard.beat_us:
        dropped = max(dropped, heard.dropped)
    heard.beat_us, heard.dropped = event.time_us, dropped


def _kind(hour: int) -> tuple[bool, int]:
    """Return whether an hour of the week lies on a weekend, and which of the day it is; the epoch was a Thursday."""
    return (hour // _DAY_HOURS + _FIRST_DAY) % 7 >= _SATURDAY, hour % _DAY_HOURS


def _limit(now_us: int) -> int:
    return (now_us - ALLOWED_LATENESS_US) // MINUTE


def _shown(time_us: int) -> str:
    return f"{to_rfc3339(time_us)[:16].replace('T', ' ')} UTC"
