"""The checks that every rule passes, shipped or not. Each yields one line for each thing that is wrong."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from detectors.battery.guards import Forbidden, guarded
from detectors.battery.judging import (
    Watch,
    difference,
    engine_of,
    final,
    judge,
    judge_apart,
    judge_batches,
    judge_restarted,
    memories,
    plan_of,
)
from detectors.battery.stage import APP
from detectors.battery.streams import Stream, batches, flood_of_keys, flood_of_values, odd, ordinary, told
from detectors.battery.subject import Subject
from detectors.engine import Engine
from detectors.findings.derived import Derived
from detectors.plan import Plan
from detectors.rule import RULE_KEYS
from schemas.alert import Severity
from schemas.event import EVENT_TYPES, Event

MAX_KEY_BYTES = 64 * 1_024
"""What one rule may remember of one key, as stored: with a thousand keys flooded at once that is 64 MB."""
GROWTH = 1.2
"""How much more it may remember after ten times the events, once its bound must have been reached."""
_FEW, _MANY, _KEYS = 8_000, 16_000, 2_000
_MAX_TITLE = 80
_RULE_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")
_FORBIDDEN_MODULES = frozenset({
    "asyncio", "duckdb", "http", "httpx", "io", "kafka", "multiprocessing", "os", "pathlib", "random", "requests",
    "secrets", "shutil", "socket", "sqlite3", "subprocess", "tempfile", "threading", "time", "urllib",
})  # fmt: skip
_CLOCKS = frozenset({"now", "utcnow", "today"})


class Check(Protocol):
    """A check: a function named after what it asks for."""

    __name__: str

    def __call__(self, subject: Subject) -> Iterator[str]:
        """Yield what is wrong."""


def documented(subject: Subject) -> Iterator[str]:
    """It says what it catches, where that comes from, when it errs and what to do; every parameter says what it is."""
    rule = subject.rule
    if not _RULE_ID.fullmatch(rule.id):
        yield f'its id "{rule.id}" is not in lower case with hyphens'
    if not rule.title or len(rule.title) > _MAX_TITLE:
        yield f"its title is empty or longer than {_MAX_TITLE} characters"
    if not 2 <= len(rule.runbook) <= 3 or not all(step.strip() for step in rule.runbook):
        yield f"its runbook has {len(rule.runbook)} steps, not two or three"
    text = inspect.getdoc(sys.modules[rule.__module__]) or ""
    text += inspect.getdoc(rule) or ""
    for heading in ("Source:", "Known false positives:"):
        if heading not in text:
            yield f'its docstring has no "{heading}"'
    for technique in rule.attack:
        if not _TECHNIQUE.fullmatch(technique):
            yield f'"{technique}" is no ATT&CK technique id'
    for name, parameter in rule.Parameters.model_fields.items():
        if not parameter.description:
            yield f'its parameter "{name}" has no description'
        if parameter.is_required():
            yield f'its parameter "{name}" has no default'


def declared(subject: Subject) -> Iterator[str]:
    """Key, event types, severity and parameters are what the engine knows."""
    rule = subject.rule
    if rule.key not in RULE_KEYS:
        yield f'its key "{rule.key}" is none of {", ".join(RULE_KEYS)}'
    if unknown := sorted(rule.needs - set(EVENT_TYPES)):
        yield f"it needs {', '.join(unknown)}, which are no event types"
    if not (rule.needs or rule.wants_signals or rule.reads or issubclass(rule, Derived)):
        yield "it needs no event type, and no other rule's alerts: it never sees anything"
    if not isinstance(rule.severity, Severity):
        yield "its severity is no Severity"
    parameters = rule.Parameters()
    if rule.Parameters.model_validate_json(parameters.model_dump_json()) != parameters:
        yield "its parameters do not come back from their own JSON"


def deterministic(subject: Subject) -> Iterator[str]:
    """The same stream leads to the same alerts."""
    for stream in subject.every_stream():
        first = judge(subject.rule, stream, subject.apps)
        if what := difference(first, judge(subject.rule, stream, subject.apps)):
            yield f"the same stream again ends otherwise: {what}"
            return


def order_tolerant(subject: Subject) -> Iterator[str]:
    """How events are told inside the bound of disorder does not matter."""
    for number, stream in enumerate(subject.every_stream()):
        expected = judge(subject.rule, stream, subject.apps)
        for seed in range(3):
            arrived = told(stream, seed)
            if what := difference(expected, judge(subject.rule, arrived, subject.apps)):
                yield f"stream {number} told out of order ends otherwise: {what}"
                return


def batch_split(subject: Subject) -> Iterator[str]:
    """How a stream is cut into batches does not matter."""
    for number, stream in enumerate(subject.every_stream()):
        arrived = told(stream, number)
        expected = judge(subject.rule, stream, subject.apps)
        for seed in range(2):
            found = judge_batches(subject.rule, batches(arrived, seed), subject.apps)
            if what := difference(expected, found):
                yield f"stream {number} in other batches ends otherwise: {what}"
                return


def shard_split(subject: Subject) -> Iterator[str]:
    """Over how many engines the keys are split does not matter."""
    for number, stream in enumerate(subject.every_stream()):
        expected = judge(subject.rule, stream, subject.apps)
        for shards in (2, 3, 4):
            if what := difference(expected, judge(subject.rule, stream, subject.apps, shards=shards)):
                yield f"stream {number} over {shards} engines ends otherwise: {what}"
                return
        # What is gathered by app is gathered in one place, over all engines.
        apart = expected if subject.rule.reported == "app" else judge_apart(subject.rule, stream, subject.apps, 3)
        if what := difference(expected, apart):
            yield f"stream {number} over 3 workers that share nothing ends otherwise: {what}"
            return


def snapshot_safe(subject: Subject) -> Iterator[str]:
    """Writing the state and reading it again, in the middle of a stream, changes nothing."""
    watch = Watch(subject.rule)
    for number, stream in enumerate(subject.every_stream()):
        arrived = told(stream, number)
        expected = judge(watch.rule, stream, subject.apps)
        if watch.shared:
            yield f"a shallow copy of its {watch.shared[0]} changes with it: keep immutable values, or define __copy__"
            return
        for part in (1, 2, 3):
            found = judge_restarted(subject.rule, arrived, subject.apps, len(arrived) * part // 4)
            if what := difference(expected, found):
                yield f"stream {number} with a restart in it ends otherwise: {what}"
                return


def serialisable(subject: Subject) -> Iterator[str]:
    """What it remembers comes back from msgpack as it was."""
    for stream in subject.every_stream() if subject.rule.memory is not None else ():
        engine = engine_of(subject.rule, subject.apps)
        engine.process(stream)
        for _, memory in memories(engine):
            try:
                stored = msgspec.msgpack.encode(memory)
                again = msgspec.msgpack.decode(stored, type=type(memory))
            except (msgspec.MsgspecError, TypeError) as error:
                yield f"its {type(memory).__name__} cannot be stored: {str(error)[:100]}"
                return
            if msgspec.msgpack.encode(again) != stored:
                yield f"its {type(memory).__name__} comes back from msgpack as another one"
                return


def bounded(subject: Subject) -> Iterator[str]:
    """Invented values inside one key, or invented keys, cannot make it remember without limit."""
    remembers = subject.rule.memory is not None
    few, many = (_remembered(subject, count) if remembers else 0 for count in (_FEW, _MANY))
    if many > MAX_KEY_BYTES:
        yield f"it remembers {many:,} bytes of one key, of at most {MAX_KEY_BYTES:,}, after a flood of invented values"
    elif many > 1_024 and many > GROWTH * few:
        yield f"it remembers more the longer a flood lasts: {few:,} bytes after {_FEW:,} events, later {many:,}"
    plan = plan_of(subject.rule)
    before = _held(subject.rule, plan)
    Engine(plan, subject.apps).process(list(flood_of_keys(_KEYS)))
    if _held(subject.rule, plan) > before:
        yield "it keeps state on the rule or its module: what it remembers belongs into its Memory, one a key"


def quiet(subject: Subject) -> Iterator[str]:
    """Ordinary life raises nothing of medium severity or above; where much is given, no more than is tolerated."""
    given: Stream = list(subject.ordinary)
    begun = sum(1 for item in given if isinstance(item, Event) and item.type == "create")
    for name, stream, tolerated in (
        ("the battery's ordinary days", ordinary(), 0.0),
        ("the ordinary life it was given", given, subject.tolerated * begun / 1_000),
    ):
        judged = judge(subject.rule, stream, subject.ordinary_apps).values()
        loud = [alert for alert in judged if alert.severity.rank >= Severity.MEDIUM.rank]
        if len(loud) > tolerated:
            first = loud[0]
            yield f"{len(loud)} alerts in {name}, the first about {first.key_kind} {first.key_value}: {first.summary}"


def unmoved_by_oddity(subject: Subject) -> Iterator[str]:
    """Nothing that an event may hold makes it raise."""
    watch = Watch(subject.rule)
    for stream in (*subject.every_stream(), odd(subject.rule.needs), list(flood_of_keys(300))):
        judge(watch.rule, stream, subject.apps)
    yield from watch.raised


def settles(subject: Subject) -> Iterator[str]:
    """A rule that takes a hit back says how long its hits wait."""
    watch = Watch(subject.rule)
    for stream in subject.every_stream():
        judge(watch.rule, stream, subject.apps)
    if watch.unsettled:
        yield "it returns Undo and declares no settle_us: nothing waits that could be undone"


def honest_about_repeats(subject: Subject) -> Iterator[str]:
    """A rule that does not want to see repeats decides the same when it sees them."""
    if subject.rule.repeats:
        return
    seeing: Any = type(subject.rule.__name__, (subject.rule,), {"repeats": True})
    for number, stream in enumerate((*subject.every_stream(), ordinary(1))):
        if what := difference(judge(seeing, stream, subject.apps), judge(subject.rule, stream, subject.apps)):
            yield f"it says that repeats change nothing, but in stream {number} {what}"
            return


def pure(subject: Subject) -> Iterator[str]:
    """It reads no clock, no chance and nothing outside: neither in its text nor while it runs."""
    yield from _reaches_in_text(subject.rule)
    for stream in (*subject.every_stream(), odd(subject.rule.needs)):
        engine = engine_of(subject.rule, subject.apps)
        try:
            with guarded():
                changes = [engine.process(stream).changes, engine.finish().changes]
        except Forbidden as forbidden:
            yield f"it {forbidden} while it judges"
            return
        final(changes)


CHECKS: tuple[Check, ...] = (
    documented, declared, deterministic, order_tolerant, batch_split, shard_split, snapshot_safe, serialisable, bounded,
    quiet, unmoved_by_oddity, settles, honest_about_repeats, pure,
)  # fmt: skip
"""The battery, the cheapest first."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What is wrong with a rule, in one line."""

    rule_id: str
    check: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule_id}: {self.check.replace('_', ' ')}: {self.what}"


def examine(subject: Subject, checks: tuple[Check, ...] = CHECKS) -> list[Failure]:
    """Return everything that the battery finds wrong with a rule; nothing, for a good one."""
    return [Failure(subject.rule.id, check.__name__, what) for check in checks for what in check(subject)]


def _remembered(subject: Subject, count: int) -> int:
    """Return the most bytes that the rule remembers of one key after a flood of invented values."""
    engine = engine_of(subject.rule, subject.apps)
    flood: Stream = list(flood_of_values(subject.rule.key, count))
    engine.process([event for event in flood if isinstance(event, Event) and event.type in subject.rule.needs])
    return max((len(msgspec.msgpack.encode(memory)) for _, memory in memories(engine)), default=0)


def _held(rule: type, plan: Plan) -> int:
    """Count what stands in containers of the rule, of its instances and of its module."""
    instances = [one.rule for rules in plan.of(APP).by_type.values() for one in rules]
    spaces = [getattr(one, "__dict__", {}) for one in (*instances, rule, sys.modules[rule.__module__])]
    return sum(_size(value) for space in spaces for value in list(space.values()))


def _size(value: object) -> int:
    return len(value) if isinstance(value, (dict, list, set, bytearray)) else 0


def _reaches_in_text(rule: type) -> Iterator[str]:
    try:
        source = inspect.getsource(sys.modules[rule.__module__])
    except (OSError, TypeError):
        # Made at run time, as the compiled ones are: what it does is seen by the guards.
        return
    for node in ast.walk(ast.parse(textwrap.dedent(source))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for name in names:
                if name.split(".")[0] in _FORBIDDEN_MODULES:
                    yield f"it imports {name} (line {node.lineno})"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CLOCKS:
            yield f"it asks for the time of day by {node.func.attr}() (line {node.lineno})"
        elif isinstance(node, ast.Global):
            yield f"it changes a global name (line {node.lineno})"
