"""What the page Response says in words: what waits for whom, and how far the budgets are used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.held_list import HeldList
from dashboard.instants import age, length
from dashboard.safe import html_text
from schemas.api import BudgetView, LaneFacts, OpenStepUp

NEAR = 0.8
"""A budget that is used up to this share is about to hold things."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The budget that is nearest to its end, of one app or of all together.

    Attributes:
        app: None = of all together.
        limit: sessions an hour.
        live: the sessions that a share is of; None = it is a plain number.
    """

    app: str | None
    used: int
    limit: float
    live: float | None

    @property
    def share(self) -> float:
        """How much of it is used, 0 to 1."""
        return 1.0 if self.used >= self.limit else self.used / self.limit


def waits(held: HeldList, lanes: Sequence[LaneFacts] | None, *, may: bool, stale: bool) -> str:
    """Return the page's sentence.

    Args:
        held: revocations that wait for a person.
        lanes: of the outbox; None where the token may not see them.
        may: whether this person may decide.
        stale: what was read may not be how things are, so there is no all-clear.
    """
    whom = "you" if may else "an analyst"
    parked = sum(lane.parked for lane in lanes or ())
    said = []
    if held.waiting:
        number = f"{held.waiting}{'+' if held.more else ''}"
        verb = "revocation waits" if number == "1" else "revocations wait"
        oldest = "" if held.oldest is None else f", {'for' if number == '1' else 'the oldest'} {age(held.oldest)}"
        said.append(f"{number} {verb} for {whom}{oldest}")
    if parked:
        said.append(f"{parked} parked {'message waits' if parked == 1 else 'messages wait'} for a mended receiver")
    if said:
        return " · ".join(said)
    if stale:
        return "Can't tell whether anything waits"
    return f"Nothing waits for {whom}"


def bounds(budgets: Sequence[BudgetView]) -> list[Bound]:
    """Return, of what ends by itself, the nearest bound of each app and of all together; the most used first."""
    by_app: dict[str | None, list[BudgetView]] = {}
    for budget in budgets:
        if budget.name not in ("people", "user verdicts"):
            by_app.setdefault(budget.app, []).append(budget)
    nearest = [min(of_app, key=lambda budget: (budget.limit - budget.used, budget.name)) for of_app in by_app.values()]
    found = [Bound(one.app, one.used, one.limit, one.live) for one in nearest]
    return sorted(found, key=lambda one: (one.app is None, -one.share, one.app or ""))


def bound_html(bound: Bound) -> str:
    """Return a budget as a row of a table."""
    whose = "All apps" if bound.app is None else html_text(bound.app)
    if bound.live == 0:
        said = "at a usual hour nobody is in: only the five critical ones pass"
        return f'<tr><td>{whose}</td><td class="sw-sub sw-small">{bound.used:,} ended · {said}</td></tr>'
    of = f", {bound.limit / bound.live:.0%} of {bound.live:,.0f} live" if bound.live else ""
    level, said = "", ""
    if bound.used >= bound.limit:
        level, said = "full", ' · <span class="sw-strong">▲ used up: the rest waits for people</span>'
    elif bound.share >= NEAR:
        level, said = "near", ' · <span class="sw-strong">▲ nearly used up</span>'
    return (
        f'<tr><td>{whose}</td><td><div class="sw-meter {level}" role="img" '
        f'aria-label="{bound.share:.0%} used"><i style="width:{100 * bound.share:.1f}%"></i></div>'
        f'<span class="sw-sub sw-num sw-small">{bound.used:,} of {_number(bound.limit)}{of}{said}</span></td></tr>'
    )


def ends_html(step_up: OpenStepUp, at: datetime) -> str:
    """Return what follows where a user does not prove who they are, as HTML.

    Args:
        step_up: what was asked.
        at: as of when.
    """
    left_s = (step_up.due - at).total_seconds()
    when = f"in {length(left_s)}" if left_s > 0 else "now"
    if step_up.held_because is None:
        return f"to be ended {when}"
    return f"to be held for a person {when}: {html_text(step_up.held_because, 160)}"


def _number(limit: float) -> str:
    return f"{limit:,.0f}" if limit >= 10 or limit == int(limit) else f"{limit:.1f}"


def lane_words(lane: LaneFacts) -> str:
    """Return how a lane stands, as HTML."""
    parts = []
    if lane.probe is not None:
        parts.append(
            '<span class="sw-strong">▲ circuit breaker open</span>: only a probe goes out, a minute apart at most'
        )
    if lane.parked:
        parts.append(f'<span class="sw-strong">{lane.parked:,} parked</span>')
    if lane.pending:
        oldest = f", the oldest {age(lane.oldest_pending)}" if lane.oldest_pending else ""
        parts.append(f"{lane.pending:,} pending{oldest}")
    error = f" · {html_text(lane.last_error, 160)}" if lane.last_error and (lane.parked or lane.pending) else ""
    return " · ".join(parts) + error
