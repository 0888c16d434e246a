"""An engine filled from a snapshot is as the one before: who sleeps, who goes first, and who may push out whom."""

from __future__ import annotations

from detectors import snapshot
from detectors.engine import Engine
from detectors.plan import Plan
from detectors.rules import BUILTIN
from schemas.event import Event
from schemas.instant import HOUR, SECOND
from store.rows import SnapshotRow
from tests.detectors.story import CURL, NEW_YORK, START_US, default_apps, event, login, rotation, use

PLAN = Plan(rules=BUILTIN, only=["session-hijack"])


def engine(plan: Plan = PLAN, **options: int) -> Engine:
    return Engine(plan, default_apps(), **options)


def rows_of(one: Engine) -> list[SnapshotRow]:
    return snapshot.take(one)


def restored(rows: list[SnapshotRow], events: list[Event] | None = None, plan: Plan = PLAN, **options: int) -> Engine:
    again, stored = engine(plan, **options), {item.seq: item for item in events or ()}
    snapshot.restore(again, rows, BUILTIN, lambda seqs: {seq: stored[seq] for seq in seqs}, lambda _: ())
    return again


def kinds(one: Engine, *items: Event) -> list[str]:
    return [change.kind for change in one.process(items).changes]


def asleep(one: Engine) -> set[str]:
    return {key for key, _ in one.asleep()}


def test_a_session_that_was_quiet_sleeps_on_after_a_restart() -> None:
    one = engine()
    one.process([login("alice", at=0), rotation("alice", at=10, session="next", parent="alice")])
    one.expire(START_US + HOUR)
    again = restored(rows_of(one))
    assert asleep(again) == {"bank s_alice"}
    assert kinds(again, use("alice", at=3700, session="next", ip=NEW_YORK, agent=CURL)) == ["raised"]


def test_what_was_in_use_comes_to_rest_after_a_restart_and_then_sleeps() -> None:
    events = [login("alice", at=0)]
    events[0].seq = 7
    one = engine()
    one.process(events)
    again = restored(rows_of(one), events)
    assert asleep(again) == set()
    again.expire(START_US + HOUR)
    assert asleep(again) == {"bank s_alice"}


def test_who_was_heard_of_longest_ago_goes_first_in_whatever_order_the_rows_come() -> None:
    one = engine()
    one.process([login("alice", at=0), login("bob", at=20 * HOUR // SECOND)])
    one.expire(START_US + 23 * HOUR)
    again = restored(rows_of(one)[::-1])
    # The user; the session and those of the other still count.
    assert again.expire(START_US + 40 * HOUR) == 1


def test_what_failures_alone_have_made_is_not_trusted_for_a_restart() -> None:
    invented = [
        event("fail", "alice", at, NEW_YORK, CURL, session=f"invented{at}", reason="unknown_session") for at in range(4)
    ]
    plan = Plan(only=["session-multi-network"])
    one = engine(plan)
    one.process([login("alice", at=0), *invented])
    one.expire(START_US + HOUR)
    again = restored(rows_of(one), plan=plan, untrusted_bound=2)
    assert again.sizes()["session"] == 3
    assert "bank s_alice" in asleep(again)


def test_rotations_of_an_app_that_nobody_has_declared_make_no_trusted_keys() -> None:
    one = engine(trusted_bound=1, untrusted_bound=4)
    one.process([login("alice", at=0)])
    for number in range(4):
        child, parent = f"child{number}", f"parent{number}"
        invented = [use("eve", at=1, session=child), use("eve", at=2, session=parent)]
        invented.append(rotation("eve", at=3, session=child, parent=parent))
        for item in invented:
            item.app = "invented"
        one.process(invented)
    found = one.process([use("alice", at=60, ip=NEW_YORK, agent=CURL)]).changes
    # Without its login it would be high at most.
    assert [change.alert.severity for change in found] == ["critical"]
