"""What the engine promises besides order: withdrawal, containment, bounds, expiry."""

from __future__ import annotations

import pytest

from detectors import snapshot
from detectors.context import KeyContext, SessionContext
from detectors.engine import Engine
from detectors.plan import Plan
from detectors.rule import Hit, Rule
from detectors.rules import BUILTIN
from schemas.alert import Severity
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.signal import Signal
from tests.detectors.story import (
    BERLIN,
    CURL,
    FIREFOX,
    NEW_YORK,
    START_US,
    default_apps,
    delivered,
    event,
    login,
    rotation,
    use,
)


def engine(**options: object) -> Engine:
    return Engine(Plan(rules=BUILTIN, only=["session-hijack"]), default_apps(), **options)  # type: ignore[arg-type]


def changes(of: Engine, *items: Event | Signal) -> list[tuple[str, str]]:
    return [(change.kind, change.alert.rule_id) for change in of.process(items).changes]


def test_an_alert_in_order_is_raised_at_once_and_updated_by_further_hits() -> None:
    one = engine()
    assert changes(one, login("alice", at=0)) == []
    assert changes(one, use("alice", at=10, ip=NEW_YORK, agent=CURL)) == [("raised", "session-hijack")]
    assert changes(one, use("alice", at=20, ip=NEW_YORK, agent=CURL)) == [("updated", "session-hijack")]
    assert changes(one, use("alice", at=30, ip=BERLIN)) == []


def test_a_late_create_raises_the_severity_under_the_same_id() -> None:
    one = engine()
    first = one.process([use("alice", at=5), use("alice", at=10, ip=NEW_YORK, agent=CURL)]).changes
    later = one.process([login("alice", at=0)]).changes
    assert [(c.kind, c.alert.severity) for c in (*first, *later)] == [("raised", "high"), ("escalated", "critical")]
    assert first[0].alert.alert_id == later[0].alert.alert_id


def test_an_alert_that_no_longer_follows_is_withdrawn() -> None:
    one = engine()
    changes(one, login("alice", at=0), use("alice", at=10, ip=NEW_YORK, agent=CURL))
    again = login("alice", at=9, ip=NEW_YORK, agent=CURL)
    (withdrawn,) = one.process([again]).changes
    assert (withdrawn.kind, withdrawn.alert.rule_id, withdrawn.alert.status) == (
        "withdrawn",
        "session-hijack",
        "withdrawn",
    )


def test_a_heartbeat_is_no_session_activity() -> None:
    one = engine()
    beat = event("heartbeat", "alice", 5, NEW_YORK, CURL)
    beat.session_id = beat.user_id = None
    assert changes(one, login("alice", at=0), beat) == []
    assert one.sizes()["session"] == 1


def test_sessions_of_a_family_share_one_key_in_whatever_order_they_are_met() -> None:
    chain = [
        login("alice", at=0, session="a"),
        rotation("alice", at=10, session="b", parent="a"),
        rotation("alice", at=20, session="c", parent="b"),
        use("alice", at=30, session="c"),
    ]
    for order in (chain, chain[::-1], [chain[2], chain[0], chain[3], chain[1]]):
        one = engine(shards=3)
        one.process(order)
        assert one.sizes()["session"] == 1


def test_two_sessions_that_name_each_other_as_parent_do_no_harm() -> None:
    one = engine()
    found = changes(
        one,
        rotation("alice", at=0, session="a", parent="b"),
        rotation("alice", at=1, session="b", parent="a"),
        rotation("alice", at=2, session="b", parent="b"),
        use("alice", at=3, session="b", ip=NEW_YORK, agent=CURL),
    )
    assert found == [("raised", "session-hijack")]


class Fragile(Rule[SessionContext, None]):
    """Fails on a word that an attacker could have found."""

    id = "fragile"
    title = "Fragile"
    key = "session"
    needs = frozenset({"validate"})
    attack = ()
    severity = Severity.LOW
    runbook = ()

    def on_event(self, event: Event, context: SessionContext, memory: None, app: AppPolicy) -> Hit | None:
        if event.user_agent == CURL:
            raise RuntimeError("boom")
        return Hit(Severity.LOW, "seen", "seen")


def fragile() -> Engine:
    return Engine(Plan(rules={**BUILTIN, "fragile": Fragile}), default_apps())


def test_a_rule_that_raises_loses_that_event_and_nothing_else() -> None:
    one = fragile()
    found = changes(
        one,
        login("alice", at=0),
        use("alice", at=10, ip=NEW_YORK, agent=CURL),
        use("alice", at=11),
    )
    assert ("raised", "session-hijack") in found
    assert ("raised", "fragile") in found
    assert one.faults.total == 1


def test_five_faults_within_an_hour_switch_a_rule_off_with_a_critical_notice() -> None:
    one = fragile()
    found = one.process([use("alice", at=at, agent=CURL) for at in range(5)])
    (notice,) = [change.alert for change in found.changes if change.alert.rule_id == "rule-switched-off"]
    assert (notice.severity, notice.key_kind, notice.key_value) == ("critical", "system", "fragile")
    assert [signal.kind for signal in found.signals] == ["rule_switched_off"]
    assert changes(one, use("alice", at=100)) == []


def test_faults_before_a_restart_count_towards_the_five() -> None:
    uses = [use("alice", at=at, agent=CURL) for at in range(0, 3000, 600)]
    for seq, used in enumerate(uses, 1):
        used.seq = seq
    one, again = fragile(), fragile()
    one.process(uses[:4])
    stored = {used.seq: used for used in uses}
    rules = {"fragile": Fragile}
    snapshot.restore(again, snapshot.take(one), rules, lambda seqs: {seq: stored[seq] for seq in seqs}, lambda _: ())
    found = again.process(uses[4:])
    assert [signal.kind for signal in found.signals] == ["rule_switched_off"]


def test_a_stored_switch_off_holds_for_a_replay_of_the_same_version_alone() -> None:
    off = Signal("off", START_US, "rule_switched_off", payload={"rule_id": "fragile", "rule_version": 1})
    older = Signal("off", START_US, "rule_switched_off", payload={"rule_id": "fragile", "rule_version": 0})
    assert changes(fragile(), off, use("alice", at=1)) == []
    assert changes(fragile(), older, use("alice", at=1)) == [("raised", "fragile")]


class FragileSignal(Fragile):
    """Fails on a signal."""

    wants_signals = frozenset({"revocation_delivered"})

    def on_signal(self, signal: Signal, memory: None) -> None:
        raise KeyError("revocation_id")


def test_a_rule_that_raises_at_a_signal_is_contained_too() -> None:
    one = Engine(Plan(rules={"fragile": FragileSignal}), default_apps())
    assert changes(one, delivered("alice", at=0), use("alice", at=1)) == [("raised", "fragile")]
    assert one.faults.total == 1


def test_faults_in_different_hours_do_not_add_up() -> None:
    one = fragile()
    found = one.process([use("alice", at=at * 3600, agent=CURL) for at in range(8)])
    assert found.signals == []


def test_memory_is_bounded_and_the_bite_is_counted() -> None:
    one = engine(trusted_bound=100)
    one.process([login(f"user{number}", at=number) for number in range(500)])
    assert one.sizes()["session"] == 100
    assert one.sizes()["evicted"] == 2 * 400  # sessions and users


class Curious(Rule[SessionContext, None]):
    """Tells of every use by curl."""

    id = "curious"
    title = "A use by curl"
    key = "session"
    needs = frozenset({"validate"})
    attack = ()
    severity = Severity.LOW
    runbook = ()

    def on_event(self, event: Event, context: SessionContext, memory: None, app: AppPolicy) -> Hit | None:
        return Hit(Severity.LOW, "curl", "curl") if event.user_agent == CURL else None


class Patient(Curious):
    """Waits a minute before it does."""

    id = "patient"
    settle_us = 60_000_000


def crowded(rule: type[Curious] = Curious) -> Engine:
    """Room for two keys of a kind."""
    return Engine(Plan(rules={rule.id: rule}), default_apps(), trusted_bound=2)


CROWD = [login(f"user{number}", at=10 + number) for number in range(5)]
AGAIN = use("alice", at=60, agent=CURL)


def told(of: Engine, *items: Event | Signal) -> list[tuple[str, int]]:
    return [(change.kind, change.alert.hits) for change in of.process(items).changes]


def test_the_alert_of_a_key_that_had_to_go_goes_on_when_it_is_back() -> None:
    one = crowded()
    assert told(one, use("alice", at=0, agent=CURL)) == [("raised", 1)]
    assert told(one, *CROWD) == []
    assert told(one, AGAIN) == [("updated", 2)]


def test_what_a_key_says_before_it_has_to_go_is_told() -> None:
    assert told(crowded(), use("alice", at=0, agent=CURL), *CROWD) == [("raised", 1)]
    assert told(crowded(), use("alice", at=0, agent=CURL), *CROWD, AGAIN) == [("raised", 2)]


def test_what_settles_is_told_when_its_key_has_to_go() -> None:
    one = crowded(Patient)
    assert told(one, use("alice", at=0, agent=CURL)) == []
    assert told(one, *CROWD) == [("raised", 1)]


def test_a_restart_remembers_what_was_told_of_a_key_that_had_to_go() -> None:
    one, again = crowded(), crowded()
    one.process([use("alice", at=0, agent=CURL)])
    snapshot.take(one)
    one.process(CROWD)
    rules = {"curious": Curious}
    stored = dict(enumerate(CROWD))
    for seq, item in stored.items():
        item.seq = seq
    snapshot.restore(again, snapshot.take(one), rules, lambda seqs: {seq: stored[seq] for seq in seqs}, lambda _: ())
    assert told(again, AGAIN) == [("updated", 2)]


def test_a_key_that_has_gone_and_said_nothing_leaves_nothing() -> None:
    one = crowded()
    one.process(CROWD)
    assert {kind for (kind, _), timeline in one.take_dirty() if timeline is not None} == {"session", "user"}
    assert sum(timeline is not None for _, timeline in one.take_dirty()) == 0
    assert told(one, login("user0", at=99)) == []


def test_a_key_that_no_rule_can_ask_about_is_dropped() -> None:
    one = engine()
    one.process([login("alice", at=0)])
    assert one.expire(START_US + HOUR) == 0
    assert one.expire(START_US + 2 * DAY + HOUR) == 2
    assert set(one.sizes().values()) == {0}


def test_whether_a_sweep_came_by_changes_nothing() -> None:
    gap_s = 3 * 86_400
    before, after = login("alice", at=0), use("alice", at=gap_s, ip=NEW_YORK, agent=CURL)
    swept, unswept = engine(), engine()
    swept.process([before])
    unswept.process([before])
    swept.expire(after.time_us)
    assert changes(swept, after) == changes(unswept, after) == []


def test_the_late_count_says_how_often_the_promise_of_order_ended() -> None:
    one = engine()
    one.process([login("alice", at=0), *[use("alice", at=60 * step) for step in range(1, 10)]])
    one.process([use("alice", at=30)])
    assert one.late == 1


def test_a_long_chain_of_rotations_is_bounded_in_every_part() -> None:
    one = engine()
    links = [login("alice", at=0, session="r0")]
    links += [rotation("alice", at=10 * n, session=f"r{n}", parent=f"r{n - 1}") for n in range(1, 400)]
    one.process(links)
    ((_, timeline),) = [item for item in one.take_dirty() if item[0][0] == "session" and item[1] is not None]
    assert timeline is not None
    assert len(timeline.base.contexts) <= 64
    assert len(timeline.head.contexts) <= 128
    assert sum(one.lineage.root(f"bank s_r{n}") != f"bank s_r{n}" for n in range(400)) <= 128


def test_an_undeclared_app_cannot_push_declared_ones_out_of_sight() -> None:
    one = engine(trusted_bound=10, untrusted_bound=10)
    one.process([login("alice", at=0)])
    one.process([login(f"invented{n}", at=n, app="nobody") for n in range(100)])
    assert changes(one, use("alice", at=200, ip=NEW_YORK, agent=CURL)) == [("raised", "session-hijack")]


def test_an_undeclared_app_does_not_become_part_of_a_realm_by_its_name() -> None:
    apps = Apps({"web": AppPolicy("web", realm="bank")})
    assert apps.realm_of("bank") != apps.realm_of("web")
    assert apps.realm_of("other") == "other"


class CountingRule(Rule[KeyContext, None]):
    """Notes every failure of a key."""

    id = "counting"
    title = "A failure"
    needs = frozenset({"fail"})
    attack = ()
    severity = Severity.LOW
    runbook = ()

    def on_event(self, event: Event, context: KeyContext, memory: None, app: AppPolicy) -> Hit:
        return Hit(Severity.LOW, "a failure", "failed")


@pytest.mark.parametrize(
    ("key", "value"), [("network", "192.0.2.0/24"), ("device", "d1"), ("app", "bank"), ("user", "alice")]
)
def test_a_rule_can_be_keyed_by_what_many_users_share(key: str, value: str) -> None:
    rule = type("Keyed", (CountingRule,), {"key": key})
    one = Engine(Plan(rules={"counting": rule}), default_apps())
    stream = [event("fail", user, at, BERLIN, FIREFOX, device_id="d1") for at, user in enumerate(("alice", "bob"))]
    alerts = [change.alert for change in one.process(stream).changes]
    assert (alerts[0].key_kind, alerts[0].key_value) == (key, value)
    assert alerts[0].hits == (1 if key == "user" else 2)
    assert (alerts[0].user_id is None) == (key != "user")


def test_keys_of_every_kind_come_to_rest() -> None:
    one = engine()
    one.process([event("fail", "alice", at, BERLIN, FIREFOX, device_id="d1") for at in (0, 1)])
    one.process([login("alice", at=2, device_id="d1")])
    one.expire(START_US + HOUR)
    assert changes(one, use("alice", at=7200, ip=NEW_YORK, agent=CURL)) != []
