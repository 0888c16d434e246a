from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from response.guard import FLOOR, MANUAL_PER_HOUR, Guard, Limits, Wanted
from schemas.alert import Severity
from schemas.instant import HOUR, MINUTE
from schemas.revocation import Revocation
from tests.response.given import APPS

NOW = 1_790_000_000_000_000


class Live:
    """An app with as many live sessions as it is told."""

    def __init__(self, now: int = 1_000, hourly: list[int] | None = None) -> None:
        self.now = now
        self.hourly = hourly or []

    def live_sessions(self, app: str, now_us: int, idle_us: int) -> int:
        return self.now

    def hourly_live_counts(self, app: str, now_us: int, hours: int = 24) -> list[int]:
        return self.hourly


def guard(live: Live | None = None, share: float = 0.02, number: int = 100, protected: tuple[str, ...] = ()) -> Guard:
    limits = Limits(max_share_per_hour=share, max_per_hour=number, protected_users=frozenset(protected))
    return Guard(live or Live(), APPS, limits)


def ask(
    one: Guard,
    severity: Severity = Severity.HIGH,
    *,
    app: str = "bank",
    rule: str = "r1",
    user: str = "alice",
    sessions: int = 1,
    at: int = NOW,
) -> bool:
    return one.admit(Wanted(app, rule, severity, user, sessions), at).allowed


def test_the_share_of_live_sessions_bounds_an_hour() -> None:
    one = guard(Live(1_000), share=0.004)
    assert [ask(one, rule=f"r{n}") for n in range(6)] == [True] * 4 + [False] * 2


def test_the_reason_names_the_budget() -> None:
    one = guard(share=0.0)
    allowance = one.admit(Wanted("bank", "r1", Severity.HIGH, "alice"), NOW)
    assert allowance.reason == "0 of 0 sessions of bank an hour are already ended (max_share_per_hour)"


def test_one_rule_gets_at_most_half_of_a_budget() -> None:
    one = guard(Live(1_000), share=0.008)
    assert [ask(one) for _ in range(6)] == [True] * 4 + [False] * 2
    assert ask(one, rule="another")


def test_five_critical_ones_pass_whatever_share_and_half_say() -> None:
    one = guard(Live(0))
    assert [ask(one, Severity.CRITICAL) for _ in range(7)] == [True] * FLOOR + [False] * 2


def test_the_number_bounds_critical_ones_too() -> None:
    one = guard(number=2, share=1.0)
    assert [ask(one, Severity.CRITICAL) for _ in range(3)] == [True, True, False]


def test_a_budget_is_free_again_after_an_hour() -> None:
    one = guard(Live(0))
    for _ in range(FLOOR):
        assert ask(one, Severity.CRITICAL)
    assert not ask(one, Severity.CRITICAL, at=NOW + HOUR - 1)
    assert ask(one, Severity.CRITICAL, at=NOW + HOUR)


def test_apps_have_budgets_of_their_own() -> None:
    one = guard(Live(0))
    for _ in range(FLOOR):
        ask(one, Severity.CRITICAL, app="bank")
    assert ask(one, Severity.CRITICAL, app="shop")


def test_all_sessions_that_would_end_are_counted() -> None:
    one = guard(Live(100), share=0.1)
    assert not ask(one, sessions=6)
    assert ask(one, sessions=5)


def test_a_protected_user_is_left_to_people() -> None:
    allowance = guard(protected=("breakglass",)).admit(Wanted("bank", "r", Severity.CRITICAL, "breakglass"), NOW)
    assert (allowance.allowed, allowance.reason) == (False, "the user is protected")


def test_the_denominator_is_the_median_of_a_day() -> None:
    # Of 100 now, but of 1,000 as a rule: an attacker who logs everybody out first does not shrink the budget.
    one = guard(Live(now=100, hourly=[1_000] * 20 + [100] * 4), share=0.01)
    assert sum(ask(one, rule=f"r{n}") for n in range(20)) == 10


def test_the_count_now_serves_until_a_day_is_known() -> None:
    one = guard(Live(now=100, hourly=[1_000] * 23), share=0.02)
    assert sum(ask(one, rule=f"r{n}") for n in range(20)) == 2


def test_people_have_a_limit_of_their_own() -> None:
    one = guard(Live(0), number=1)
    assert one.admit_manual("bank", MANUAL_PER_HOUR, NOW).allowed
    assert not one.admit_manual("bank", 1, NOW).allowed
    assert ask(one, Severity.CRITICAL), "the pipeline's own budget is untouched"


requests = st.lists(
    st.tuples(
        st.sampled_from([Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM]),
        st.sampled_from(["r1", "r2", "r3"]),
        st.integers(1, 3),
        st.integers(0, 20 * MINUTE),
    ),
    max_size=60,
)


def _run(one: Guard, asked: list[tuple[Severity, str, int, int]], start: int = NOW):  # type: ignore[no-untyped-def]
    at = start
    for severity, rule, sessions, gap in asked:
        at += gap
        if ask(one, severity, rule=rule, sessions=sessions, at=at):
            yield at, severity, rule, sessions


@given(asked=requests, live=st.integers(0, 600), number=st.integers(0, 30))
def test_no_budget_is_ever_exceeded_in_any_hour(asked, live, number) -> None:  # type: ignore[no-untyped-def]
    admitted = list(_run(guard(Live(live), number=number), asked))
    for end, *_ in admitted:
        hour = [entry for entry in admitted if end - HOUR < entry[0] <= end]
        assert sum(entry[3] for entry in hour) <= number
        assert sum(entry[3] for entry in hour) <= 0.02 * live + FLOOR
        for rule in ("r1", "r2", "r3"):
            half = min(0.02 * live, number) / 2
            assert sum(entry[3] for entry in hour if entry[2] == rule) <= half + FLOOR


@given(asked=requests)
def test_the_floor_always_passes(asked) -> None:  # type: ignore[no-untyped-def]
    one = guard(Live(0), number=1_000)
    at, passed = NOW, list[tuple[int, int]]()
    for severity, rule, sessions, gap in asked:
        at += gap
        critical = sum(n for when, n in passed if when > at - HOUR)
        allowed = ask(one, severity, rule=rule, sessions=sessions, at=at)
        if severity == Severity.CRITICAL:
            assert allowed == (critical + sessions <= FLOOR)
            passed += [(at, sessions)] * allowed


@given(asked=requests, cut=st.integers(0, 60), live=st.integers(0, 600))
def test_a_restart_changes_no_answer(asked, cut, live) -> None:  # type: ignore[no-untyped-def]
    undisturbed = list(_run(guard(Live(live)), asked))
    before = list(_run(guard(Live(live)), asked[:cut]))
    restarted = guard(Live(live))
    restarted.restore(_sent(*entry) for entry in before)
    start = NOW + sum(gap for *_, gap in asked[:cut])
    assert before + list(_run(restarted, asked[cut:], start)) == undisturbed


def _sent(at: int, severity: Severity, rule: str, sessions: int) -> Revocation:
    return Revocation(
        "id", "bank", "session", "s_1", 1, "", "policy", "sent", {"requested": at, "sent": at},
        rule_id=rule, severity=severity.value, sessions=sessions,
    )  # fmt: skip


@pytest.mark.parametrize("times", [{"requested": NOW, "held": NOW}, {"requested": NOW, "suppressed": NOW}])
def test_what_was_never_sent_has_spent_nothing(times: dict[str, int]) -> None:
    one = guard(Live(0), number=1)
    held = _sent(NOW, Severity.CRITICAL, "r1", 1)
    held.times = times
    one.restore([held])
    assert ask(one, Severity.CRITICAL)


@given(
    asked=st.lists(
        st.tuples(st.sampled_from(["bank", "shop"]), st.integers(1, 3), st.integers(0, 20 * MINUTE)), max_size=60
    ),
    number=st.integers(0, 10),
    cut=st.integers(0, 60),
)
def test_the_budget_of_all_apps_is_never_exceeded_over_a_restart(asked, number, cut) -> None:  # type: ignore[no-untyped-def]
    limits = Limits(max_share_per_hour=1.0, max_per_hour_in_all=number)
    one, at = Guard(Live(), APPS, limits), NOW
    admitted: list[tuple[int, Revocation]] = []
    for place, (app, sessions, gap) in enumerate(asked):
        at += gap
        if place == cut:
            one = Guard(Live(), APPS, limits)
            one.restore(row for _, row in admitted)
        if one.admit(Wanted(app, "r1", Severity.CRITICAL, "alice", sessions), at).allowed:
            sent = _sent(at, Severity.CRITICAL, "r1", sessions)
            sent.app = app
            admitted.append((at, sent))
    for end, _ in admitted:
        assert sum(row.sessions for when, row in admitted if end - HOUR < when <= end) <= number


def used(one: Guard, at: int = NOW) -> dict[tuple[str | None, str], tuple[int, float]]:
    return {(budget.app, budget.name): (budget.used, budget.limit) for budget in one.budgets(at)}


def test_budgets_tell_what_the_hour_has_used() -> None:
    one = guard(Live(1_000), share=0.02, number=100)
    ask(one, sessions=3)
    one.admit_manual("bank", 2, NOW)
    budgets = used(one)
    assert budgets["bank", "max_per_hour"] == (3, 100)
    assert budgets["bank", "max_share_per_hour"] == (3, 20)
    assert budgets["bank", "people"] == (2, MANUAL_PER_HOUR)
    assert budgets[None, "max_per_hour_in_all"][0] == 3


def test_a_budget_of_an_hour_ago_is_free_in_what_is_told() -> None:
    one = guard(Live(1_000))
    ask(one)
    assert used(one, NOW + HOUR)["bank", "max_per_hour"][0] == 0


def test_the_share_in_all_is_told_where_it_bounds() -> None:
    one = Guard(Live(1_000), APPS, Limits(max_share_per_hour_in_all=0.01))
    [budget] = [budget for budget in one.budgets(NOW) if budget.name == "max_share_per_hour_in_all"]
    assert budget.live == 1_000 * len(APPS.declared())
    assert budget.limit == budget.live * 0.01
