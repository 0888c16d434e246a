"""What the page Response says in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dashboard.held_list import HeldList
from dashboard.instants import now
from dashboard.response_words import Bound, bound_html, bounds, ends_html, lane_words, waits
from schemas.api import BudgetView, LaneFacts, OpenStepUp
from schemas.revocation import RevocationView


def held(name: str, severity: str | None = "high", minutes: float = 4) -> RevocationView:
    since = now() - timedelta(minutes=minutes)
    return RevocationView(
        revocation_id=name, app="bank", scope="session", subject="s_k1_x", sequence=1, reason="r",
        requested_by="policy", state="held", times={"requested": since, "held": since}, session_id="s_k1_x",
        user_id="alice", alert_id=None, rule_id="session-hijack", severity=severity, sessions=1, note="protected",
    )  # fmt: skip


def list_of(*revocations: RevocationView) -> HeldList:
    made = HeldList()
    made.show(revocations, more=False)
    return made


def lane(**fields: object) -> LaneFacts:
    ordinary = {"lane": "webhook:bank", "pending": 0, "parked": 0, "oldest_pending": None, "last_error": ""}
    return LaneFacts.model_validate(ordinary | fields)


def budget(name: str, app: str | None, used: int, limit: float, live: float | None = None) -> BudgetView:
    return BudgetView.model_validate({"name": name, "app": app, "used": used, "limit": limit, "live": live})


def test_it_says_how_many_wait_and_the_oldest() -> None:
    said = waits(list_of(held("a", minutes=1.2), held("b", minutes=4.2)), [], may=True, stale=False)
    assert said == "2 revocations wait for you, the oldest 4 min"


def test_one_is_one() -> None:
    assert waits(list_of(held("a")), [], may=False, stale=False) == "1 revocation waits for an analyst, for 4 min"


def test_nothing_waits() -> None:
    assert waits(HeldList(), [lane(pending=3)], may=True, stale=False) == "Nothing waits for you"


def test_there_is_no_all_clear_on_stale_data() -> None:
    assert waits(HeldList(), [], may=True, stale=True) == "Can't tell whether anything waits"


def test_parked_messages_wait_too() -> None:
    said = waits(HeldList(), [lane(parked=2), lane(lane="chat:night", parked=1)], may=True, stale=False)
    assert said == "3 parked messages wait for a mended receiver"


def test_the_most_severe_come_first_and_then_the_oldest() -> None:
    shown = list_of(held("new", minutes=1), held("worst", "critical", 0), held("old", minutes=9), held("by-hand", None))
    assert shown.order == ["worst", "old", "new", "by-hand"]


def test_a_newer_answer_moves_nothing() -> None:
    shown = list_of(held("a"), held("b"))
    shown.read([held("b"), held("c", "critical")], more=False)
    assert (shown.order, shown.gone, shown.fresh, shown.waiting) == (["a", "b"], {"a"}, 1, 2)


def test_an_empty_list_takes_what_comes() -> None:
    shown = list_of()
    shown.read([held("a")], more=False)
    assert (shown.order, shown.fresh) == (["a"], 0)


def test_of_a_cut_answer_nothing_is_called_decided() -> None:
    shown = list_of(held("a"))
    shown.read([held("b")], more=True)
    assert shown.gone == set()


def test_the_bound_that_is_reached_first_is_told() -> None:
    found = bounds([
        budget("max_per_hour", "bank", 3, 100), budget("max_share_per_hour", "bank", 3, 4.0, 200),
        budget("people", "bank", 999, 1000), budget("max_per_hour_in_all", None, 3, 300),
    ])  # fmt: skip
    assert found == [Bound("bank", 3, 4.0, 200), Bound(None, 3, 300, None)]


@pytest.mark.parametrize(
    ("bound", "said"),
    [
        (Bound("bank", 3, 24.6, 1230), "3 of 25, 2% of 1,230 live"),
        (Bound("bank", 4, 4.5, 225), "nearly used up"),
        (Bound("bank", 5, 5, 250), "used up: the rest waits for people"),
        (Bound("bank", 0, 0, 0), "at a usual hour nobody is in"),
        (Bound(None, 0, 300, None), "0 of 300"),
    ],
)
def test_a_budget_says_how_far_it_is_used(bound: Bound, said: str) -> None:
    assert said in bound_html(bound)


def test_a_lane_tells_its_open_breaker_and_what_its_receiver_said() -> None:
    said = lane_words(lane(pending=4, oldest_pending=now() - timedelta(minutes=7), probe=now(), last_error="<b>500"))
    assert "circuit breaker open" in said
    assert "4 pending, the oldest 7 min" in said
    assert "&lt;b&gt;500" in said


@pytest.mark.parametrize(
    ("because", "said"),
    [
        (None, "to be ended in 9 min"),
        ("the user is protected", "to be held for a person in 9 min: the user is protected"),
        ("<b>paused</b>", "to be held for a person in 9 min: &lt;b&gt;paused&lt;/b&gt;"),
    ],
)
def test_it_says_what_follows_without_an_answer(because: str | None, said: str) -> None:
    at = now()
    asked = OpenStepUp(
        step_up_id="s", app="bank", session_id="s_k1_x", user_id="alice", alert_id="a", rule_id="session-hijack",
        title="Taken", state="delivered", asked=at, due=at + timedelta(minutes=9), held_because=because,
    )  # fmt: skip
    assert ends_html(asked, at) == said
