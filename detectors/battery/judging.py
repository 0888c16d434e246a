"""Running one rule alone over a stream, in the several ways in which the engine may run it."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import msgspec

from detectors import snapshot
from detectors.battery.stage import happening, quick_apps
from detectors.battery.streams import USERS, Item, Stream
from detectors.engine import Engine
from detectors.plan import Plan, RuleSetting
from detectors.remembered import RememberedDays, inform
from detectors.rule import Hit, Memory, RuleKey, Undo, Verdict
from detectors.rules import AnyRule
from schemas.alert import Alert, AlertChange
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from store.rows import UserDay

Outcome = dict[str, Alert]
"""The final alerts by id."""

_encode = msgspec.msgpack.Encoder().encode
_WEEKS_DAYS = 35


def plan_of(rule: type[AnyRule]) -> Plan:
    """Return a plan with this rule alone, whatever its own mode is."""
    return Plan({rule.id: RuleSetting(mode="alert")}, rules={rule.id: rule})


def engine_of(rule: type[AnyRule], apps: Apps, shards: int = 1) -> Engine:
    """Return an engine that runs this rule alone."""
    return Engine(plan_of(rule), apps, shards=shards)


def judge(rule: type[AnyRule], stream: Stream, apps: Apps, *, shards: int = 1) -> Outcome:
    """Return the final alerts of a stream, told in one batch."""
    return judge_batches(rule, [stream], apps, shards=shards)


def judge_batches(rule: type[AnyRule], batches: Iterable[Stream], apps: Apps, *, shards: int = 1) -> Outcome:
    """Return the final alerts of a stream that is told in several batches."""
    engine, days = engine_of(rule, apps, shards), _days()
    changes = []
    for batch in batches:
        inform(engine, batch, days)
        changes.append(engine.process(batch).changes)
        days.save(engine.take_days())
    return final([*changes, engine.finish().changes])


def judge_restarted(rule: type[AnyRule], stream: Sequence[Item], apps: Apps, at: int) -> Outcome:
    """Return the final alerts of a stream in whose middle the state is written, and read by another engine."""
    stored = {seq: item for seq, item in enumerate(stream, 1) if isinstance(item, Event)}
    for seq, item in stored.items():
        item.seq = seq
    before, days = engine_of(rule, apps), _days()
    inform(before, stream[:at], days)
    first = before.process(stream[:at]).changes
    rows = snapshot.take(before)
    days.save(before.take_days())
    after = engine_of(rule, apps)
    snapshot.restore(after, rows, {rule.id: rule}, lambda seqs: {seq: stored[seq] for seq in seqs}, days.user_days)
    inform(after, stream[at:], days)
    return final([first, after.process(stream[at:]).changes, after.finish().changes])


def judge_apart(rule: type[AnyRule], stream: Stream, apps: Apps, workers: int) -> Outcome:
    """Return the final alerts where each of several workers, with nothing in common, holds some of the keys."""
    engines = [engine_of(rule, apps) for _ in range(workers)]
    shares = _shares(rule.key, stream, workers)
    changes = []
    for engine, share in zip(engines, shares, strict=True):
        inform(engine, share, _days())
        changes += [engine.process(share).changes, engine.finish().changes]
    return final(changes)


def _days() -> RememberedDays:
    """Return what is known of the battery's people from the weeks before: their own place, device and hours."""
    days = RememberedDays()
    days.save(_learned())
    return days


@cache
def _learned() -> list[UserDay]:
    apps = quick_apps()
    engine = Engine(Plan(rules={}), apps)
    uses = [
        happening(kind, (day - _WEEKS_DAYS) * 86_400 + at_s, session_id=f"s_{user}-{day}", user_id=user, device_id="d1")
        for day in range(_WEEKS_DAYS + 1)
        for user in USERS
        for kind, at_s in (("create", 0), ("validate", 600))
    ]
    inform(engine, uses, RememberedDays())
    engine.process(uses)
    return engine.take_days()


def _shares(key: RuleKey, stream: Stream, workers: int) -> list[list[Item]]:
    families: dict[str, str] = {}
    for item in stream:
        if isinstance(item, Event) and item.parent_session_id and item.session_id:
            families[_root(families, item.session_id)] = _root(families, item.parent_session_id)
    shares: list[list[Item]] = [[] for _ in range(workers)]
    for item in stream:
        value = _value_of(key, item, families)
        shares[zlib.crc32(value.encode("utf-8", "replace")) % workers].append(item)
    return shares


def _root(families: dict[str, str], session_id: str) -> str:
    while families.get(session_id, session_id) != session_id:
        session_id = families[session_id]
    return session_id


def _value_of(key: RuleKey, item: Item, families: dict[str, str]) -> str:
    if key == "session":
        return _root(families, item.session_id or "")
    if key == "user":
        return item.user_id or ""
    if isinstance(item, Event) and key in ("network", "device"):
        return (item.place.network if key == "network" else item.device_id) or ""
    return item.app or ""


def final(batches: Iterable[Iterable[AlertChange]]) -> Outcome:
    """Return the alerts that stand in the end, by id."""
    standing: Outcome = {}
    for changes in batches:
        for change in changes:
            if change.kind == "withdrawn":
                standing.pop(change.alert.alert_id, None)
            else:
                standing[change.alert.alert_id] = change.alert
    return standing


def difference(expected: Outcome, found: Outcome) -> str:
    """Say in a few words how two outcomes differ; empty where they do not."""
    for alert_id, alert in expected.items():
        other = found.get(alert_id)
        if other is None:
            return f"an alert about {alert.key_kind} {alert.key_value} is missing"
        for name in Alert.__struct_fields__:
            if getattr(alert, name) != getattr(other, name):
                ours, theirs = str(getattr(alert, name))[:60], str(getattr(other, name))[:60]
                return f"{name} of the alert about {alert.key_kind} {alert.key_value} is {theirs}, not {ours}"
    surplus = next((alert for alert_id, alert in found.items() if alert_id not in expected), None)
    return "" if surplus is None else f"an alert about {surplus.key_kind} {surplus.key_value} is too many"


class Watch:
    """Stands between the engine and a rule, and notes what the engine would contain or never see.

    Attributes:
        rule: what to run in place of the rule that is watched.
        raised: what it raised, and at which event; once each.
        shared: memories whose shallow copy changed with them.
        unsettled: whether it took a hit back without declaring `settle_us`.
        hits: how many hits it returned.
    """

    def __init__(self, rule: type[AnyRule]) -> None:
        self.raised: list[str] = []
        self.shared: list[str] = []
        self.unsettled = False
        self.hits = 0
        self.rule: type[AnyRule] = type(rule.__name__, (rule,), {"on_event": self._watching(rule)})

    def _watching(self, rule: type[AnyRule]) -> Any:
        watch = self

        def on_event(self: AnyRule, event: Event, context: Any, memory: Any, app: AppPolicy) -> Verdict:
            held = copy.copy(memory)
            before = None if memory is None else _encode(memory)
            try:
                verdict = rule.on_event(self, event, context, memory, app)
            except Exception as error:
                note = f"raises {type(error).__name__} at a {event.type} ({event.reason})"
                if note not in watch.raised:
                    watch.raised.append(note)
                raise
            if before is not None and _encode(held) != before:
                watch.shared.append(type(memory).__name__)
            if isinstance(verdict, Undo) and not rule.settle_us:
                watch.unsettled = True
            watch.hits += isinstance(verdict, Hit)
            return verdict

        return on_event


def memories(engine: Engine) -> Iterator[tuple[str, Memory]]:
    """Yield what rules remember after a run, by key, and leave the engine's list of changed keys empty."""
    for (_, key), timeline in engine.take_dirty():
        if timeline is not None:
            for memory in timeline.head.memory.values():
                yield key, memory
