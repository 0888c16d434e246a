"""A revocation's way from requested to proven, as a line of steps with their times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from dashboard.instants import clock, zone_name
from dashboard.safe import html_text
from schemas.revocation import RevocationView, Scope, State

STANDING: dict[State, str] = {
    "requested": "requested",
    "suppressed": "dry run: shown, never sent",
    "held": "held: nothing has been sent",
    "sent": "sent",
    "delivered": "delivered, not proven",
    "confirmed": "confirmed, the session is gone",
    "failed": "failed",
    "released": "released",
}
"""As people read a state."""

SETTLED: frozenset[State] = frozenset({"suppressed", "held", "confirmed", "failed", "released"})
"""States that nobody waits in front of."""

_WAY: tuple[State, ...] = ("requested", "sent", "delivered", "confirmed")
_WORDS = {"requested": "Requested", "sent": "Sent", "delivered": "Delivered", "confirmed": "Confirmed",
          "failed": "Failed", "held": "Held", "suppressed": "Not sent", "released": "Released"}  # fmt: skip


def newest(revocations: Sequence[RevocationView]) -> RevocationView | None:
    """Return the revocation that was decided last, or None."""
    return max(revocations, key=lambda one: (max(one.times.values()), one.sequence), default=None)


def waits(revocations: Sequence[RevocationView]) -> bool:
    """Return whether one of them is still on its way."""
    return any(one.state not in SETTLED for one in revocations)


_WHOSE: dict[Scope, str] = {
    "session": "the session",
    "user": "all sessions of the user",
    "network": "the sessions from the network",
    "login": "the user's login",
}


def proof_html(revocation: RevocationView) -> str:
    """Return a revocation's standing and its steps as HTML."""
    whose = _WHOSE[revocation.scope]
    head = f'Revocation of {whose}: <span class="sw-strong">{STANDING[revocation.state]}</span>'
    steps = [step for step in _WAY if step in revocation.times or revocation.state not in SETTLED]
    if revocation.state not in _WAY:
        steps = [step for step in _WAY if step in revocation.times] + [revocation.state]
    first = revocation.times.get("requested")
    items = "".join(_step(revocation, step, first, steps) for step in steps)
    note = f'<div class="sw-sub sw-small">{html_text(revocation.note)}</div>' if revocation.note else ""
    asked = f"by {html_text(revocation.requested_by)}: {html_text(revocation.reason)}"
    return f'<div class="sw-small sw-sub" role="status">{head} · {asked}</div><ol class="sw-proof">{items}</ol>{note}'


def _step(revocation: RevocationView, step: State, first: datetime | None, steps: Sequence[State]) -> str:
    at = revocation.times.get(step)
    reached = [known for known in steps if known in revocation.times]
    classes = []
    if at is not None:
        classes.append("done")
        if step == reached[-1]:
            classes.append("last")
    elif reached and steps.index(step) == steps.index(reached[-1]) + 1:
        classes.append("wait")
    if step in ("failed", "held", "suppressed"):
        classes.append("bad")
    when = "waiting" if at is None else _when(at, first)
    return f'<li class="{" ".join(classes)}"><b>{_WORDS[step]}</b><span class="sw-num">{when}</span></li>'


def _when(at: datetime, first: datetime | None) -> str:
    if first is None or at == first:
        return f"{clock(at)} {zone_name(at)}"
    return f"+{took(at - first)}"


def took(length: timedelta) -> str:
    """Return how long a step took, fine enough for a revocation."""
    seconds = length.total_seconds()
    return (
        f"{seconds * 1_000:.0f} ms"
        if seconds < 1
        else f"{seconds:.1f} s"
        if seconds < 60
        else f"{seconds / 60:.1f} min"
    )
