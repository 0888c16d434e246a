"""An app that accepts a session after a pause longer than the idle timeout it declares.

Source: OWASP Session Management cheat sheet (session expiration).
Known false positives: uses in between that were never told, since a full queue of the emitter drops requests first;
its heartbeat says so.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from detectors.context import SessionContext
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import MINUTE


class IdleTimeoutParameters(Parameters):
    """Parameters of idle-timeout-not-enforced."""

    grace: Duration = Field(MINUTE, description="How much later than declared a session may end; clock_skew is added.")


class IdleTimeoutNotEnforced(Rule[SessionContext, None]):
    """Accepted after too long a pause."""

    id = "idle-timeout-not-enforced"
    title = "Idle timeout not enforced"
    key = "session"
    needs = frozenset({"create", "validate"})
    attack = ("T1550.004",)
    severity = Severity.MEDIUM
    runbook = (
        "Compare the pause with the idle timeout that the configuration declares for the app.",
        "Benign if the app lets users unlock a session: it should tell the unlocking as a step_up.",
        "Else have its developers end idle sessions on the server, or declare the timeout that holds.",
    )
    repeats = False
    # A pause is known only where nothing between can still come.
    judges_late = False
    reported: ClassVar[Literal["key", "app"]] = "app"
    Parameters = IdleTimeoutParameters

    def on_event(self, event: Event, context: SessionContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge a use by the pause before it."""
        if app.idle_timeout_us is None or context.last_us == 0 or context.ended_us is not None:
            return None
        if event.reason == "step_up" or context.starts_anew(event):
            return None
        if event.type == "create" and context.parent is not None and context.parent.ended_us is not None:
            return None
        assert isinstance(self.parameters, IdleTimeoutParameters)
        pause_us = event.time_us - context.last_us
        if event.count > 1:
            # It stands for earlier uses too; only the emitter knows the gaps before them.
            pause_us = min(pause_us, round((event.gap_min_ms or 0) * 1_000))
        if pause_us <= app.idle_timeout_us + self.parameters.grace + app.clock_skew_us:
            return None
        minutes, declared = pause_us // MINUTE, app.idle_timeout_us / MINUTE
        last = context.uses[-1] if context.uses else context.home
        return Hit(
            Severity.MEDIUM,
            f"Accepted after {minutes} min without a use; the app declares {declared:g} min",
            f"accepted after {minutes} min, from {describe(event.place)}",
            evidence=(Evidence(last.event_id, last.last_us, "last use before"),) if last else (),
        )
