"""What a policy line may do beyond ending one session, and what keeps it from doing too much."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from response.commands import Approve, RevokeManually
from response.guard import Limits
from response.hours import DAYS, parse_hours
from response.policy import Action, PolicyLine
from response.targets.command import CommandTarget
from response.targets.webhook import WebhookTarget
from schemas.alert import Alert, Evidence, Severity
from schemas.event import Event, Place
from schemas.instant import HOUR, MINUTE
from tests.response.given import Pipeline, accepted_id, alert, event, raised, use
from tests.response.theft import Start

NETWORK = "203.0.113.0/24"
USER_SESSIONS = ["s_1", "s_2", "s_3"]


IN_THREE_DAYS = parse_hours(f"{DAYS[(datetime.now(UTC).weekday() + 3) % 7]} 08:00-09:00")


def line(*acts: Action, widen: bool = False) -> PolicyLine:
    return PolicyLine(("notify", *acts), widen=widen)


def start(pipeline: Start, bank: WebhookTarget, *acts: Action, **limits: object) -> Pipeline:
    settings = Limits(max_share_per_hour=1.0, **limits)  # type: ignore[arg-type]
    return pipeline(targets=[bank], lines=[line(*acts)], limits=settings)


def from_network(session: str, user: str = "alice", network: str = NETWORK) -> Event:
    return msgspec.structs.replace(use(session, user_id=user), place=Place(network=network))


def of_user(user: str = "alice", session: str = "s_1") -> Alert:
    """An alert about a user whose evidence is an accepted use of one of their sessions."""
    found = alert(session_id=session, user_id=user)
    return msgspec.structs.replace(found, session_id=None, key_kind="user", key_value=user)


def rows(one: Pipeline) -> list[tuple[str, str, str]]:
    return sorted((row.scope, row.subject, row.state) for row in one.reader.revocations())


def test_all_sessions_of_a_user_are_ended_and_counted(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_user")
    one.turn([use(session) for session in USER_SESSIONS], raised(of_user()))
    [row] = one.reader.revocations()
    assert (row.scope, row.subject, row.state, row.sessions) == ("user", "alice", "sent", 3)


def test_the_budget_counts_all_sessions_of_the_user(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_user", max_per_hour=2)
    one.turn([use(session) for session in USER_SESSIONS], raised(of_user()))
    [row] = one.reader.revocations()
    assert (row.state, row.sessions) == ("held", 3)
    assert "max_per_hour" in row.note


def test_failures_alone_end_no_session(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_user", "lock_login")
    guess = event("fail", "bad_credentials", "s_other")
    counting = msgspec.structs.replace(of_user(), evidence=(Evidence(guess.event_id, guess.time_us, "refused"),))
    one.turn([use("s_1"), guess], raised(counting))
    assert one.reader.revocations() == []
    assert "failures alone end nothing" in one.audit()[-1].why


def test_a_session_is_not_ended_by_failures_that_name_it(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_session")
    forged = event("fail", "csrf", "s_1")
    counting = msgspec.structs.replace(
        alert(session_id="s_1"), evidence=(Evidence(forged.event_id, forged.time_us, "refused"),)
    )
    one.turn([use("s_1"), forged], raised(counting))
    assert one.reader.revocations() == []


def test_a_success_of_somebody_else_is_no_evidence(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_user")
    about_bob = msgspec.structs.replace(of_user("bob"), evidence=of_user("alice").evidence)
    one.turn([use("s_1"), use("s_bob", user_id="bob")], raised(about_bob))
    assert one.reader.revocations() == []


def test_evidence_that_is_stored_counts(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_user")
    one.turn([use("s_1")])
    one.turn([], raised(of_user()))
    assert rows(one) == [("user", "alice", "sent")]


def test_a_lock_that_no_target_can_do_waits_with_the_reason(pipeline: Start) -> None:
    ends_sessions = CommandTarget("bank", "bank", ["/bin/true"])
    one = pipeline(targets=[ends_sessions], lines=[line("lock_login")])
    one.turn([use("s_1")], raised(of_user()))
    [row] = one.reader.revocations()
    assert (row.scope, row.state, row.note) == ("login", "held", "no target for app bank locks a login")


def test_a_network_is_expanded_to_the_sessions_that_the_evidence_speaks_of(
    pipeline: Start, bank: WebhookTarget
) -> None:
    one = start(pipeline, bank, "revoke_network")
    fanned = msgspec.structs.replace(
        alert(session_id="s_1"),
        evidence=tuple(Evidence(accepted_id("bank", name), 0, "accepted") for name in ("s_1", "s_2")),
    )
    one.turn([from_network("s_1"), from_network("s_2", "bob"), from_network("s_3", "carol")], raised(fanned))
    assert rows(one) == [("network", NETWORK, "held"), ("session", "s_1", "sent"), ("session", "s_2", "sent")]
    assert [row.sessions for row in one.responder.held()] == [1]


def test_a_session_that_has_moved_to_another_network_is_left_alone(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_network")
    one.turn([from_network("s_1", network="192.0.2.0/24")])
    one.turn([], raised(alert(session_id="s_1")))
    assert one.reader.revocations() == []


def test_a_network_beyond_the_budget_waits_as_a_whole(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_network", max_per_hour=0)
    one.turn([from_network("s_1")], raised(alert(session_id="s_1")))
    assert rows(one) == [("network", NETWORK, "held")]


def test_whoever_approves_a_network_ends_what_is_live_there_now(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_network", max_per_hour=0)
    one.turn([from_network("s_1")], raised(alert(session_id="s_1")))
    [held] = one.responder.held()
    one.turn([from_network("s_2", "bob")], commands=[Approve(held.revocation_id, by="eve", reason="all of it")])
    assert rows(one) == [("network", NETWORK, "sent"), ("session", "s_1", "sent"), ("session", "s_2", "sent")]
    assert {row.requested_by for row in one.reader.revocations() if row.scope == "session"} == {"eve"}


class UsersOnly(WebhookTarget):
    """A target that can end all of a user's sessions and no single one."""

    scopes = frozenset({"user"})


@pytest.fixture
def users_only(bank: WebhookTarget) -> WebhookTarget:
    bank.__class__ = UsersOnly
    return bank


def test_a_target_that_knows_users_alone_is_not_asked_for_a_session(pipeline: Start, users_only: WebhookTarget) -> None:
    one = start(pipeline, users_only, "revoke_session")
    one.turn([use("s_1"), use("s_2")], raised(alert(session_id="s_1")))
    [row] = one.reader.revocations()
    assert (row.scope, row.state, row.note) == ("session", "held", "no target for app bank ends a session")


def test_it_is_where_the_line_widens_and_all_sessions_are_counted(pipeline: Start, users_only: WebhookTarget) -> None:
    one = pipeline(targets=[users_only], lines=[line("revoke_session", widen=True)])
    one.turn([use("s_1"), use("s_2")], raised(alert(session_id="s_1")))
    [row] = one.reader.revocations()
    assert (row.scope, row.state, row.sessions) == ("user", "sent", 2)


def test_a_line_that_widens_does_not_where_it_need_not(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank], lines=[line("revoke_session", widen=True)])
    one.turn([use("s_1"), use("s_2")], raised(alert(session_id="s_1")))
    assert rows(one) == [("session", "s_1", "sent")]


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"protected_users": frozenset({"alice"})}, "the user is protected"),
        ({"protected_networks": ("203.0.0.0/16",)}, "the network 203.0.113.9 is protected"),
        ({"privileged_users": frozenset({"alice"})}, "a privileged user: 2 people have to approve"),
        ({"business_hours": IN_THREE_DAYS}, "outside business hours"),
        ({"max_per_hour_in_all": 0}, "max_per_hour_in_all"),
        ({"max_share_per_hour_in_all": 0.001}, "max_share_per_hour_in_all"),
    ],
)
def test_the_guard_leaves_it_to_people(
    pipeline: Start, bank: WebhookTarget, limits: dict[str, object], why: str
) -> None:
    one = start(pipeline, bank, "revoke_user", **limits)
    high = msgspec.structs.replace(of_user(), severity=Severity.HIGH)
    one.turn([use("s_1")])
    one.turn([], raised(high))
    [row] = one.responder.held()
    assert why in row.note


def test_a_user_cools_down_before_a_second_lockout(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_user", user_cooldown_us=HOUR)
    one.turn([use("s_1")], raised(of_user()))
    again = msgspec.structs.replace(of_user(session="s_2"), last_event_time_us=of_user().last_event_time_us + MINUTE)
    one.turn([use("s_2")], raised(again), later_us=MINUTE)
    assert [row.note for row in one.responder.held()] == [
        "the user was locked out just now: a second time within user_cooldown is for a person"
    ]


def test_the_cooldown_outlives_a_restart(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_user", user_cooldown_us=HOUR)
    one.turn([use("s_1")], raised(of_user()))
    one = start(pipeline, bank, "revoke_user", user_cooldown_us=HOUR)
    again = msgspec.structs.replace(of_user(session="s_2"), last_event_time_us=of_user().last_event_time_us + MINUTE)
    one.turn([use("s_2")], raised(again), later_us=MINUTE)
    assert [row.state for row in one.responder.held()] == ["held"]


def test_two_people_must_approve_that_a_privileged_user_is_locked_out(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_user", privileged_users=frozenset({"alice"}))
    one.turn([use("s_1")], raised(of_user()))
    [held] = one.responder.held()
    one.turn(commands=[Approve(held.revocation_id, by="eve", reason="seen it")])
    assert one.states() == ["held"]
    batch = one.turn(commands=[Approve(held.revocation_id, by="eve", reason="again")])
    assert batch.refusals == {0: "you have approved it already: somebody else has to"}
    one.turn(commands=[Approve(held.revocation_id, by="mallory", reason="me too")])
    assert one.states() == ["sent"]


def test_the_first_approval_outlives_a_restart(pipeline: Start, bank: WebhookTarget) -> None:
    privileged = frozenset({"alice"})
    one = start(pipeline, bank, "revoke_user", privileged_users=privileged)
    one.turn([use("s_1")], raised(of_user()))
    wanted = one.responder.held()[0].revocation_id
    one.turn(commands=[Approve(wanted, by="eve")])
    one = start(pipeline, bank, "revoke_user", privileged_users=privileged)
    one.turn(commands=[Approve(wanted, by="mallory")])
    assert one.states() == ["sent"]


def test_one_person_alone_cannot_lock_out_a_privileged_user(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_user", privileged_users=frozenset({"alice"}))
    one.turn(commands=[RevokeManually("r1", "bank", "user", "alice", by="eve", reason="left the firm")])
    [held] = one.responder.held()
    batch = one.turn(commands=[Approve(held.revocation_id, by="eve")])
    assert batch.refusals == {0: "you have approved it already: somebody else has to"}
    one.turn(commands=[Approve(held.revocation_id, by="mallory")])
    assert one.states() == ["sent"]


def test_an_exhausted_budget_is_one_alert_and_nothing_is_forgotten(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_session", max_per_hour=1)
    sessions = [f"s_{number}" for number in range(5)]
    one.turn([use(name) for name in sessions], raised(*(alert(session_id=name) for name in sessions)))
    one.turn([use("s_9")], raised(alert(session_id="s_9")))
    budget = [row for row in one.reader.alerts() if row.rule_id == "guard-budget"]
    assert [row.severity for row in budget] == ["high"]
    assert "max_per_hour" in budget[0].summary
    assert sorted(one.states()) == ["held"] * 5 + ["sent"]


def test_what_wide_acts_have_spent_outlives_a_restart(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_user", max_per_hour=3)
    one.turn([use("s_1"), use("s_2")], raised(of_user()))
    one = start(pipeline, bank, "revoke_user", max_per_hour=3)
    one.turn([use("s_b1", user_id="bob"), use("s_b2", user_id="bob")], raised(of_user("bob", "s_b1")))
    assert rows(one) == [("user", "alice", "sent"), ("user", "bob", "held")]


def test_what_a_network_has_spent_is_counted_once_after_a_restart(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, "revoke_network", max_per_hour=2)
    one.turn([from_network("s_1")], raised(alert(session_id="s_1")))
    one = start(pipeline, bank, "revoke_network", max_per_hour=2)
    elsewhere = msgspec.structs.replace(alert(session_id="s_2"), network="198.51.100.0/24")
    one.turn([from_network("s_2", network="198.51.100.0/24")], raised(elsewhere))
    assert rows(one) == [("session", "s_1", "sent"), ("session", "s_2", "sent")]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_person_who_locks_a_user_out_starts_no_cooldown(
    pipeline: Start, bank: WebhookTarget, restarted: bool
) -> None:
    one = start(pipeline, bank, "revoke_user", user_cooldown_us=HOUR)
    one.turn(commands=[RevokeManually("r1", "bank", "user", "alice", by="eve", reason="left the firm")])
    if restarted:
        one = start(pipeline, bank, "revoke_user", user_cooldown_us=HOUR)
    later = msgspec.structs.replace(of_user(), last_event_time_us=of_user().last_event_time_us + MINUTE)
    one.turn([use("s_1")], raised(later), later_us=MINUTE)
    assert one.responder.held() == []
