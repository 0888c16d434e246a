"""An app that accepts a session older than the absolute timeout it declares.

A rotation or refresh gives a session a new id, not a new life: its age counts from the login.

Source: OWASP Session Management cheat sheet (session expiration).
Known false positives: an app that asks for the password again and tells it as a request rather than a login.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from detectors.context import SessionContext
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Memory, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import MINUTE


class Lifetime(Memory):
    """When the login was that an heir goes back to; 0 for a session that began with its own `create`."""

    login_us: int = 0


class AbsoluteTimeoutParameters(Parameters):
    """Parameters of absolute-timeout-not-enforced."""

    grace: Duration = Field(MINUTE, description="How much later than declared a session may end; clock_skew is added.")


class AbsoluteTimeoutNotEnforced(Rule[SessionContext, Lifetime]):
    """Accepted when it is too old."""

    id = "absolute-timeout-not-enforced"
    title = "Absolute timeout not enforced"
    key = "session"
    needs = frozenset({"create", "validate"})
    attack = ("T1550.004",)
    severity = Severity.MEDIUM
    runbook = (
        "Compare the session's age with the absolute timeout that the configuration declares for the app.",
        "Benign if the user signed in again: the app should tell it as a login.",
        "Else have its developers end sessions by their age on the server, refreshed ones too.",
    )
    repeats = False
    reported: ClassVar[Literal["key", "app"]] = "app"
    memory = Lifetime
    inherits = True
    Parameters = AbsoluteTimeoutParameters

    def on_event(self, event: Event, context: SessionContext, memory: Lifetime, app: AppPolicy) -> Hit | None:
        """Judge a use by the session's age."""
        if event.type == "create":
            if context.starts_anew(event) or (context.user_id is None and event.user_id is not None):
                memory.login_us = 0
                return None
            memory.login_us = memory.login_us or _begun_us(context)
        begun_us = memory.login_us or _begun_us(context)
        if app.absolute_timeout_us is None or not begun_us or context.ended_us is not None:
            return None
        assert isinstance(self.parameters, AbsoluteTimeoutParameters)
        age_us = event.time_us - begun_us
        if age_us <= app.absolute_timeout_us + self.parameters.grace + app.clock_skew_us:
            return None
        minutes, declared = age_us // MINUTE, app.absolute_timeout_us / MINUTE
        first = context.home
        return Hit(
            Severity.MEDIUM,
            f"Accepted {minutes} min after its login; the app declares {declared:g} min",
            f"accepted at {minutes} min, from {describe(event.place)}",
            evidence=(Evidence(first.event_id, first.first_us, "first use known"),) if first else (),
        )


def _begun_us(context: SessionContext) -> int:
    # Without a `create`, it is at least as old as the first use seen.
    return context.created_us or (context.home.first_us if context.home is not None else 0)
