"""What the engine promises besides order: withdrawal, containment, bounds, expiry."""

from __future__ import annotations

from detectors.context import SessionContext
from detectors.engine import Engine
from detectors.plan import Plan
from detectors.rule import Hit, Rule
from detectors.rules import BUILTIN
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.signal import Signal
from tests.detectors.story import (
    BERLIN,
    CURL,
    NEW_YORK,
    START_US,
    default_apps,
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
    assert changes(one, again) == [("withdrawn", "session-hijack")]


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


def test_a_stored_switch_off_holds_for_a_replay_of_the_same_version_alone() -> None:
    off = Signal("off", START_US, "rule_switched_off", payload={"rule_id": "fragile", "rule_version": 1})
    older = Signal("off", START_US, "rule_switched_off", payload={"rule_id": "fragile", "rule_version": 0})
    assert changes(fragile(), off, use("alice", at=1)) == []
    assert changes(fragile(), older, use("alice", at=1)) == [("raised", "fragile")]


def test_faults_in_different_hours_do_not_add_up() -> None:
    one = fragile()
    found = one.process([use("alice", at=at * 3600, agent=CURL) for at in range(8)])
    assert found.signals == []


def test_memory_is_bounded_and_the_bite_is_counted() -> None:
    one = engine(trusted_bound=100)
    one.process([login(f"user{number}", at=number) for number in range(500)])
    assert one.sizes()["session"] == 100
    assert one.sizes()["evicted"] == 2 * 400  # sessions and users


def test_a_key_that_no_rule_can_ask_about_is_dropped() -> None:
    one = engine()
    one.process([login("alice", at=0)])
    assert one.expire(START_US + HOUR) == 0
    assert one.expire(START_US + 2 * DAY + HOUR) == 2
    assert one.sizes() == {"session": 0, "user": 0, "evicted": 0}


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
