"""Compiled rules keep the promise of the engine: what stands in the end depends on what happened, not on how it was
told. One rule of every kind, with small numbers so that short random streams reach them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from detectors import snapshot
from detectors.engine import Engine, Findings
from detectors.plan import Plan
from detectors.sigma import SigmaSource, compile_rules
from schemas.event import Event
from schemas.instant import SECOND
from tests.detectors.sigma.stories import FAILED_LOGIN, GOOD_LOGIN, failed
from tests.detectors.story import (
    BERLIN,
    BERLIN_NEIGHBOUR,
    CURL,
    FIREFOX,
    NEW_YORK,
    default_apps,
    final_alerts,
    login,
    logout,
    rotation,
    use,
)

TEXT = f"""
{FAILED_LOGIN}
---
{GOOD_LOGIN}
---
title: Used by curl
name: curl_use
logsource: {{product: sessionwatch}}
detection:
  selection: {{type: [create, validate], agent.family: curl}}
  condition: selection
---
title: Curl in a session
name: curl
logsource: {{product: sessionwatch}}
detection:
  selection: {{type: [create, validate], agent.family: curl}}
  condition: selection
---
title: Many failures
name: many
correlation:
  {{type: event_count, rules: [failed_login], group-by: [user_id], timespan: 2m, condition: {{gte: 3}}}}
---
title: Then a login
name: then
correlation:
  {{type: temporal_ordered, rules: [many, good_login], group-by: [user_id], timespan: 5m, generate: true}}
---
title: Users of an address
name: users
correlation:
  {{type: value_count, rules: [failed_login], group-by: [ip], timespan: 2m, condition: {{field: user_id, gte: 2}}}}
---
title: Few failures
name: few
correlation: {{type: event_count, rules: [failed_login], group-by: [user_id], timespan: 1m, condition: {{lt: 3}}}}
---
title: Two failures
name: two
correlation: {{type: event_count, rules: [failed_login], group-by: [network], timespan: 1m, condition: {{eq: 2}}}}
---
title: Both in any order
name: both
correlation: {{type: temporal, rules: [failed_login, good_login], group-by: [user_id, ip], timespan: 2m}}
---
title: A login, then curl
name: replay
correlation: {{type: temporal_ordered, rules: [good_login, curl_use], group-by: [session_id], timespan: 5m}}
"""

RULES = compile_rules([SigmaSource("rules.yml", TEXT)])

SPAN_S = 600
MAX_DELAY_S = 170

Told = tuple[Event, float]


@st.composite
def told(draw: st.DrawFn) -> Told:
    """An event, and how many seconds after it happened it is told."""
    user = draw(st.sampled_from(["alice", "bob"]))
    session = f"{user}{draw(st.integers(0, 1))}"
    at = draw(st.integers(0, SPAN_S * 2)) / 2
    ip, agent = draw(st.sampled_from([BERLIN, BERLIN_NEIGHBOUR, NEW_YORK])), draw(st.sampled_from([FIREFOX, CURL]))
    kind = draw(st.sampled_from(["fail", "fail", "fail", "login", "use", "logout", "rotation"]))
    if kind == "fail":
        made = failed(user, at, ip, agent, count=draw(st.sampled_from([1, 1, 2])))
    elif kind == "rotation":
        made = rotation(user, at, session, f"{user}{draw(st.integers(0, 1))}", ip, agent=agent)
    else:
        made = {"login": login, "use": use, "logout": logout}[kind](user, at, ip, agent, session=session)
    return made, draw(st.floats(0, MAX_DELAY_S))


# At most 60, since the bound of disorder is 64 events of a key or the lateness, whichever is smaller.
STREAMS = st.lists(told(), min_size=1, max_size=60, unique_by=lambda one: one[0].event_id)


def in_order(stream: list[Told]) -> list[Event]:
    return sorted((event for event, _ in stream), key=lambda event: (event.time_us, event.event_id))


def as_told(stream: list[Told]) -> list[Event]:
    return [event for event, _ in sorted(stream, key=lambda one: one[0].time_us + one[1] * SECOND)]


def outcome(found: list[Findings]) -> dict[str, tuple[object, ...]]:
    alerts = final_alerts(one.changes for one in found)
    return {
        key: (alert.rule_id, alert.key_value, alert.hits, alert.event_time_us, alert.last_event_time_us, alert.evidence)
        for key, alert in alerts.items()
    }


def engine_of(shards: int = 1) -> Engine:
    return Engine(Plan(rules=RULES), default_apps(), shards=shards)


def judge(items: Sequence[Event], shards: int = 1) -> dict[str, tuple[object, ...]]:
    engine = engine_of(shards)
    found = outcome([engine.process(items), engine.finish()])
    assert not engine.faults.total
    return found


def test_the_rules_are_of_every_kind() -> None:
    assert {name: rule.key for name, rule in RULES.items()} == {
        "curl": "session", "many": "user", "then": "user", "users": "network", "few": "user", "two": "network",
        "both": "user", "replay": "session",
    }  # fmt: skip


@settings(max_examples=150, deadline=None)
@for_all(STREAMS)
def test_order_of_arrival_inside_the_bound_does_not_matter(stream: list[Told]) -> None:
    assert judge(as_told(stream)) == judge(in_order(stream))


@settings(max_examples=60, deadline=None)
@for_all(STREAMS, st.lists(st.integers(0, 60), max_size=8))
def test_the_split_into_batches_does_not_matter(stream: list[Told], cuts: list[int]) -> None:
    items = as_told(stream)
    bounds = [0, *sorted(min(cut, len(items)) for cut in cuts), len(items)]
    engine = engine_of()
    found = [engine.process(items[a:b]) for a, b in pairwise(bounds)]
    assert outcome([*found, engine.finish()]) == judge(in_order(stream))


@settings(max_examples=60, deadline=None)
@for_all(STREAMS, st.integers(2, 4))
def test_the_number_of_engines_does_not_matter(stream: list[Told], shards: int) -> None:
    assert judge(as_told(stream), shards) == judge(in_order(stream))


@settings(max_examples=60, deadline=None)
@for_all(STREAMS, st.integers(0, 60))
def test_a_restart_does_not_matter(stream: list[Told], at: int) -> None:
    items = as_told(stream)
    for seq, event in enumerate(items):
        event.seq = seq
    engine = engine_of()
    found = [engine.process(items[:at])]
    rows = snapshot.take(engine)
    engine = engine_of()
    snapshot.restore(engine, rows, RULES, lambda seqs: {seq: items[seq] for seq in seqs}, lambda _: ())
    found += [engine.process(items[at:]), engine.finish()]
    assert outcome(found) == judge(in_order(stream))


def test_the_rules_find_something_in_such_streams() -> None:
    stream = [failed("alice", at) for at in range(3)] + [
        failed("bob", 4),
        login("alice", 9),
        use("alice", 20, agent=CURL),
    ]
    stream += [failed("carol", 200, NEW_YORK), failed("carol", 201, NEW_YORK)]
    assert {rule_id for rule_id, *_ in judge(stream).values()} == set(RULES)
