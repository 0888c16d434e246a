"""The promise of the engine: the final alerts depend on what happened, not on how it was told.

Random streams of logins, uses, logouts, rotations and deliveries go through the engine permuted inside the
bound, split into batches, split over engines, and through snapshots and restarts; every rule takes part, and
one that settles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from detectors import snapshot
from detectors.context import SessionContext
from detectors.engine import Engine, Findings
from detectors.plan import Plan, RuleSetting
from detectors.rule import Hit, Rule, Undo
from detectors.rules import BUILTIN, AnyRule
from detectors.rules.use_after_destroy import UseAfterDestroyParameters
from schemas.alert import Alert, Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import SECOND
from schemas.signal import Signal
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    BERLIN,
    BERLIN_CAFE,
    BERLIN_IPV6,
    CURL,
    FIREFOX,
    NEW_YORK,
    SAFARI_IPHONE,
    default_apps,
    delivered,
    event,
    final_alerts,
)

Item = Event | Signal


class LonelyLogin(Rule[SessionContext, None]):
    """A login without a use within 20 s: its hit can be undone by an event in order, so it settles."""

    id = "lonely-login"
    title = "Login without a use"
    key = "session"
    needs = frozenset({"create", "validate"})
    attack = ()
    severity = Severity.LOW
    runbook = ()
    settle_us: ClassVar[int] = 20 * SECOND

    def on_event(self, event: Event, context: SessionContext, memory: None, app: AppPolicy) -> Hit | Undo | None:
        if event.type == "validate":
            return Undo()
        return Hit(Severity.LOW, "nothing came after the login", "login")


RULES: dict[str, type[AnyRule]] = {**BUILTIN, LonelyLogin.id: LonelyLogin}
# A short grace, so that short streams reach it.
PLAN = Plan({"use-after-destroy": RuleSetting(UseAfterDestroyParameters(grace="5s"))}, rules=RULES)

SPAN_S = 900
MAX_DELAY_S = 170
USERS = ("alice", "bob")
IPS = (BERLIN, BERLIN, BERLIN_CAFE, BERLIN_IPV6, NEW_YORK, AMSTERDAM_HOSTING)
AGENTS = (FIREFOX, FIREFOX, SAFARI_IPHONE, CURL)


@dataclass(frozen=True)
class Told:
    """An event or signal, and how long after it happened it is told, in seconds."""

    item: Item
    delay_s: float


@st.composite
def told(draw: st.DrawFn) -> Told:
    user = draw(st.sampled_from(USERS))
    session = f"{user}{draw(st.integers(0, 2))}"
    at = draw(st.integers(0, SPAN_S * 10)) / 10
    delay_s = draw(st.floats(0, MAX_DELAY_S))
    kind = draw(st.sampled_from(["login", "use", "use", "use", "logout", "rotation", "delivered"]))
    ip, agent = draw(st.sampled_from(IPS)), draw(st.sampled_from(AGENTS))
    if kind == "delivered":
        return Told(delivered(session, at, f"r-{session}"), delay_s)
    if kind == "rotation":
        parent = f"s_{user}{draw(st.integers(0, 2))}"
        made = event("create", user, at, ip, agent, session=session, reason="rotation", parent_session_id=parent)
    else:
        types = {
            "login": ("create", "login"),
            "use": ("validate", "request"),
            "logout": ("destroy", "logout"),
        }
        type_, reason = types[kind]
        made = event(type_, user, at, ip, agent, session=session, reason=reason)
    return Told(made, delay_s)


def unique(stream: list[Told]) -> list[Told]:
    """Two happenings at one instant with one id are one; the dedup stage sees to that."""
    seen: dict[object, Told] = {}
    for one in stream:
        identity = one.item.event_id if isinstance(one.item, Event) else one.item.signal_id
        seen.setdefault((identity, one.item.app, one.item.session_id), one)
    return list(seen.values())


# At most 60 a key, since the bound of disorder is 64 events or the lateness, whichever is smaller.
STREAMS = st.lists(told(), min_size=1, max_size=60).map(unique)


def in_order(stream: list[Told]) -> list[Item]:
    return sorted((one.item for one in stream), key=_order)


def as_told(stream: list[Told]) -> list[Item]:
    ordered = sorted(stream, key=lambda one: one.item.time_us + one.delay_s * SECOND)
    return [one.item for one in ordered]


def _order(item: Item) -> tuple[int, str]:
    return item.time_us, item.event_id if isinstance(item, Event) else item.signal_id


def new_engine(shards: int = 1) -> Engine:
    return Engine(PLAN, default_apps(), shards=shards)


def outcome(found: list[Findings]) -> dict[str, tuple[object, ...]]:
    return {key: facts(alert) for key, alert in final_alerts(one.changes for one in found).items()}


def facts(alert: Alert) -> tuple[object, ...]:
    return (
        alert.rule_id, alert.key_value, alert.severity, alert.hits, alert.event_time_us,
        alert.last_event_time_us, alert.evidence, alert.summary,
    )  # fmt: skip


def judge(items: Sequence[Item], shards: int = 1) -> dict[str, tuple[object, ...]]:
    engine = new_engine(shards)
    return outcome([engine.process(items), engine.finish()])


@settings(max_examples=150, deadline=None)
@for_all(STREAMS)
def test_order_of_arrival_inside_the_bound_does_not_matter(stream: list[Told]) -> None:
    assert judge(as_told(stream)) == judge(in_order(stream))


@settings(max_examples=100, deadline=None)
@for_all(STREAMS, st.lists(st.integers(0, 60), max_size=8))
def test_the_split_into_batches_does_not_matter(stream: list[Told], cuts: list[int]) -> None:
    items = as_told(stream)
    bounds = [0, *sorted(min(cut, len(items)) for cut in cuts), len(items)]
    engine = new_engine()
    found = [engine.process(items[a:b]) for a, b in pairwise(bounds)]
    assert outcome([*found, engine.finish()]) == judge(in_order(stream))


@settings(max_examples=100, deadline=None)
@for_all(STREAMS, st.integers(2, 4))
def test_the_number_of_engines_does_not_matter(stream: list[Told], shards: int) -> None:
    assert judge(as_told(stream), shards) == judge(in_order(stream))


@settings(max_examples=100, deadline=None)
@for_all(STREAMS, st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=5))
def test_kills_and_restarts_do_not_matter(stream: list[Told], kills: list[tuple[int, bool]]) -> None:
    """At each kill the engine is lost; what was snapshotted is loaded and the rest judged again, in silence."""
    items = as_told(stream)
    stored = {seq: item for seq, item in enumerate(items) if isinstance(item, Event)}
    for seq, item in stored.items():
        item.seq = seq
    engine, done = new_engine(), 0
    rows: dict[tuple[str, str], snapshot.SnapshotRow] = {}
    snapshotted = 0
    found = []
    for position, take in sorted(kills):
        until = min(position, len(items))
        found.append(engine.process(items[done:until]))
        done = max(done, until)
        if take:
            rows.update({(row.kind, row.key): row for row in snapshot.take(engine)})
            snapshotted = done
        engine = new_engine()
        snapshot.restore(engine, rows.values(), RULES, lambda seqs: {seq: stored[seq] for seq in seqs}, lambda _: ())
        rerun = engine.process(items[snapshotted:done])
        standing = outcome(found)
        for key, value in outcome([rerun]).items():
            assert standing[key] == value
    found += [engine.process(items[done:]), engine.finish()]
    assert outcome(found) == judge(in_order(stream))


@settings(max_examples=100, deadline=None)
@for_all(STREAMS)
def test_the_short_way_of_a_repeat_leads_where_the_long_one_does(stream: list[Told]) -> None:
    engine = new_engine()
    engine._two_keys = False
    assert outcome([engine.process(as_told(stream)), engine.finish()]) == judge(as_told(stream))


@settings(max_examples=100, deadline=None)
@for_all(STREAMS)
def test_sleep_does_not_matter(stream: list[Told]) -> None:
    engine, newest_us, found = Engine(PLAN, default_apps(), sleep_us=0), 0, []
    for item in as_told(stream):
        found.append(engine.process([item]))
        newest_us = max(newest_us, item.time_us)
        # With no silence asked for, a session sleeps as soon as it has come to rest.
        engine.expire(newest_us)
    assert outcome([*found, engine.finish()]) == judge(in_order(stream))


@settings(max_examples=100, deadline=None)
@for_all(STREAMS, st.integers(0, SPAN_S))
def test_ticks_decide_when_and_never_whether(stream: list[Told], at: int) -> None:
    items = as_told(stream)
    half = len(items) // 2
    engine = new_engine()
    tick = Signal("tick", items[0].time_us + at * SECOND, "tick")
    found = [
        engine.process(items[:half]),
        engine.process([tick]),
        engine.process(items[half:]),
        engine.finish(),
    ]
    assert outcome(found) == judge(in_order(stream))
