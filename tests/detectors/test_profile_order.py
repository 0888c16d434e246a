"""The promise of the engine where baselines take part: over days, through sweeps, dropped keys and restarts.

The expected outcome is that of one engine that hears everything in order and forgets nobody, so that no day is ever
looked up. Every other engine here is told out of order and in batches, drops the keys of users who were silent for
a day, keeps what it hands out, and looks it up again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from detectors import snapshot
from detectors.engine import Engine, Findings
from detectors.plan import Plan, RuleSetting
from detectors.remembered import RememberedDays, inform
from detectors.rules import BUILTIN
from detectors.rules.anonymiser_first_use import AnonymiserFirstUseParameters
from detectors.rules.dormant_account import DormantAccountParameters
from detectors.rules.new_country import NewCountryParameters
from detectors.rules.new_device_new_network import NewDeviceNewNetworkParameters
from detectors.rules.off_hours import OffHoursParameters
from schemas.event import Event
from schemas.instant import DAY, HOUR, SECOND
from schemas.signal import Signal
from tests.detectors.story import (
    BERLIN,
    CHROME_WINDOWS,
    FIREFOX,
    MUNICH_CARRIER,
    NEW_YORK,
    START_US,
    STOCKHOLM_VPN,
    default_apps,
    event,
    final_alerts,
    flagged,
)

Item = Event | Signal

# Little to learn from, so that a week of few events reaches every rule.
PLAN = Plan(
    {
        "new-country": RuleSetting(NewCountryParameters(learn=1, baseline="3d")),
        "new-device-new-network": RuleSetting(NewDeviceNewNetworkParameters(learn=1, baseline="3d")),
        "anonymiser-first-use": RuleSetting(AnonymiserFirstUseParameters(learn=1, baseline="2d")),
        "dormant-account": RuleSetting(DormantAccountParameters(silence="2d")),
        "off-hours": RuleSetting(OffHoursParameters(learn=1, history="1d", share=0.3)),
    },
    only=["new-country", "new-device-new-network", "anonymiser-first-use", "dormant-account", "off-hours"],
)

MIDNIGHT_S = (DAY - START_US % DAY) // SECOND
DAYS = 8
MAX_DELAY_S = 170
TYPES = {
    "login": ("create", "login"),
    "use": ("validate", "request"),
    "logout": ("destroy", "logout"),
    "refused": ("fail", "bad_credentials"),
}


@dataclass(frozen=True)
class Told:
    """An event or signal, and how long after it happened it is told, in seconds."""

    item: Item
    delay_s: float

    @property
    def told_us(self) -> int:
        """When it is told, microseconds."""
        return self.item.time_us + round(self.delay_s * SECOND)


@st.composite
def told(draw: st.DrawFn) -> Told:
    user = draw(st.sampled_from(("alice", "alice", "bob")))
    session = f"{user}{draw(st.integers(0, 1))}"
    # Around midnight more than by chance: that is where days begin.
    near = st.integers(-MAX_DELAY_S, MAX_DELAY_S)
    of_day = draw(st.one_of(near, near, st.integers(0, DAY // SECOND)))
    at = MIDNIGHT_S + draw(st.integers(0, DAYS)) * (DAY // SECOND) + of_day
    delay_s = draw(st.integers(0, MAX_DELAY_S))
    kind = draw(st.sampled_from(["login", "login", "use", "use", "use", "logout", "refused", "flagged"]))
    if kind == "flagged":
        return Told(flagged(user, at, session), delay_s)
    ip = draw(st.sampled_from((BERLIN, BERLIN, MUNICH_CARRIER, NEW_YORK, STOCKHOLM_VPN)))
    agent, device = draw(st.sampled_from((FIREFOX, CHROME_WINDOWS))), draw(st.sampled_from((None, "laptop", "box")))
    type_, reason = TYPES[kind]
    return Told(event(type_, user, at, ip, agent, session=session, reason=reason, device_id=device), delay_s)


def unique(stream: list[Told]) -> list[Told]:
    seen: dict[object, Told] = {}
    for one in stream:
        seen.setdefault(order(one.item), one)
    return sorted(seen.values(), key=lambda one: one.told_us)


STREAMS = st.lists(told(), min_size=1, max_size=50).map(unique)
BATCHES = st.lists(st.integers(1, 8), min_size=1, max_size=50)


def order(item: Item) -> tuple[int, str]:
    return item.time_us, item.event_id if isinstance(item, Event) else item.signal_id


def new_engine(shards: int = 1) -> Engine:
    return Engine(PLAN, default_apps(), shards=shards)


def outcome(found: list[Findings]) -> dict[str, tuple[object, ...]]:
    return {
        key: (alert.rule_id, alert.key_value, alert.severity, alert.hits, alert.evidence, alert.summary, alert.usual)
        for key, alert in final_alerts(one.changes for one in found).items()
    }


def undisturbed(stream: list[Told]) -> dict[str, tuple[object, ...]]:
    """Return the outcome of one engine that hears everything in order."""
    engine = new_engine()
    return outcome([engine.process(sorted((one.item for one in stream), key=order)), engine.finish()])


def batches(stream: list[Told], sizes: Sequence[int]) -> list[list[Told]]:
    cut, place = [], 0
    while place < len(stream):
        size = sizes[len(cut) % len(sizes)]
        cut.append(stream[place : place + size])
        place += size
    return cut


class Run:
    """An engine with what outlives it, as the batch loop keeps them."""

    def __init__(self, shards: int = 1) -> None:
        self.days = RememberedDays()
        self.engine = new_engine(shards)
        self.found: list[Findings] = []
        self.events: dict[int, Event] = {}
        self._items: list[Item] = []
        self._rows: dict[tuple[str, str], snapshot.SnapshotRow] = {}
        self._snapshotted = 0

    def batch(self, items: list[Told], *, sweep: bool = True) -> None:
        """Judge a batch, store what it leads to, and drop who was silent for a day."""
        fresh = [one.item for one in items]
        for seq, item in enumerate(fresh, len(self._items)):
            if isinstance(item, Event):
                item.seq = seq
                self.events[seq] = item
        self._items += fresh
        self._judge(fresh)
        if sweep:
            self.engine.expire(items[-1].told_us)
            self.days.save(self.engine.take_days())

    def take_snapshot(self) -> None:
        """Write the state of the keys that changed."""
        self._rows.update({(row.kind, row.key): row for row in snapshot.take(self.engine)})
        self._snapshotted = len(self._items)

    def restart(self) -> None:
        """Lose the engine; load what was written, and judge the rest again in silence."""
        standing = outcome(self.found)
        self.engine = new_engine()
        snapshot.restore(
            self.engine,
            self._rows.values(),
            BUILTIN,
            lambda seqs: {seq: self.events[seq] for seq in seqs},
            self.days.user_days,
        )
        told_before = len(self.found)
        self._judge(self._items[self._snapshotted :])
        again = self.found[told_before:]
        del self.found[told_before:]
        for key, value in outcome(again).items():
            assert standing[key] == value

    def _judge(self, items: list[Item]) -> None:
        inform(self.engine, items, self.days)
        self.found.append(self.engine.process(items))
        self.days.save(self.engine.take_days())


@settings(max_examples=150, deadline=None)
@for_all(STREAMS)
def test_order_of_arrival_inside_the_bound_does_not_matter(stream: list[Told]) -> None:
    run = Run()
    run.batch(stream, sweep=False)
    assert outcome(run.found) == undisturbed(stream)


@settings(max_examples=200, deadline=None)
@for_all(STREAMS, BATCHES, st.integers(1, 3))
def test_dropped_keys_and_looked_up_days_do_not_matter(stream: list[Told], sizes: list[int], shards: int) -> None:
    run = Run(shards)
    for batch in batches(stream, sizes):
        run.batch(batch)
    assert outcome(run.found) == undisturbed(stream)


@settings(max_examples=200, deadline=None)
@for_all(STREAMS, BATCHES, st.lists(st.sampled_from(("", "snapshot", "restart", "both")), min_size=1, max_size=12))
def test_kills_and_restarts_do_not_matter(stream: list[Told], sizes: list[int], acts: list[str]) -> None:
    run = Run()
    for number, batch in enumerate(batches(stream, sizes)):
        run.batch(batch)
        act = acts[number % len(acts)]
        if act in ("snapshot", "both"):
            run.take_snapshot()
        if act in ("restart", "both"):
            run.restart()
    assert outcome(run.found) == undisturbed(stream)


def test_the_streams_reach_every_rule() -> None:
    """What is compared above must not be nothing with nothing."""
    night = 20 * HOUR // SECOND
    stream = [
        Told(event("create", "alice", day * DAY // SECOND, BERLIN, FIREFOX, device_id="laptop", session=f"s{day}"), 0)
        for day in range(3)
    ]
    stream.append(Told(event("create", "alice", 6 * DAY // SECOND + night, STOCKHOLM_VPN, FIREFOX, device_id="box"), 0))
    assert {facts[0] for facts in undisturbed(stream).values()} == set(PLAN.classes)
