"""Brute force: one user's password tried again and again.

Whoever knows a name can cause this, so it says what happens and takes nothing away: medium, never more. A right but
expired password and an account already locked are no guesses; they are told beside the count.

Source: MITRE ATT&CK T1110.001; panther-analysis and elastic/detection-rules count in the same way.
Known false positives: a phone or script that still knows the old password; its network is the user's own.
"""

from __future__ import annotations

import msgspec
from pydantic import Field

from detectors.context import UserContext
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Rule
from detectors.windows import Span, Tally, WindowMemory, compact
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import MINUTE

APART = {
    "locked": "refused as locked",
    "expired_password": "with an expired password",
    "password_expired": "with an expired password",
}
"""Reasons that are told beside the count. The documented vocabulary has no word for an expired password; apps say
either."""


class BruteForceUserParameters(Parameters):
    """Parameters of brute-force-user."""

    attempts: int = Field(10, ge=2, le=10_000, description="How many failed tries within the window are too many.")
    window: Duration = Field(10 * MINUTE, description="The window.")


class BruteForceUserMemory(WindowMemory):
    """Failed tries by network, and what is counted apart by reason; each by span."""

    failed: dict[str, Tally] = msgspec.field(default_factory=dict)
    apart: dict[str, Tally] = msgspec.field(default_factory=dict)


class BruteForceUser(Rule[UserContext, BruteForceUserMemory]):
    """Many failed tries on one user."""

    id = "brute-force-user"
    title = "A user's password tried many times"
    key = "user"
    needs = frozenset({"fail"})
    attack = ("T1110.001",)
    severity = Severity.MEDIUM
    runbook = (
        "Look from which networks the tries came, and whether the user has been there before.",
        "Benign if it is the user's own device with an old password.",
        "Else watch for a success from there; ask the user for a second factor rather than locking the account.",
    )
    repeats = False
    memory = BruteForceUserMemory
    Parameters = BruteForceUserParameters

    def on_event(self, event: Event, context: UserContext, memory: BruteForceUserMemory, app: AppPolicy) -> Hit | None:
        """Count a failed try."""
        assert isinstance(self.parameters, BruteForceUserParameters)
        span = Span(self.parameters.window)
        if event.reason in APART:
            apart = memory.apart.setdefault(span.name, Tally())
            apart.add(span, event.time_us, APART[event.reason], event.count)
            return None
        if event.reason != "bad_credentials":
            return None
        failed = memory.failed.setdefault(span.name, Tally())
        failed.add(span, event.time_us, compact(event.place.network or ""), event.count)
        if failed.total < self.parameters.attempts:
            return None
        return Hit(
            Severity.MEDIUM,
            f"{failed.total} failed tries from {len(failed)} networks within "
            f"{self.parameters.window // MINUTE} min{_beside(memory, span, event.time_us)}",
            f"failed from {describe(event.place)}",
            usual={"network": describe(context.uses[-1].place)} if context.uses else {},
        )


def _beside(memory: BruteForceUserMemory, span: Span, time_us: int) -> str:
    apart = memory.apart.get(span.name)
    if apart is None:
        return ""
    apart.advance(span, time_us)
    return "".join(f"; {count} {reason}" for reason, count in sorted(apart.counts.items()))
