"""Sessions of an app come to their timeout while their user is at work: lost input, and people who learn to hate it.

A usability finding, no attack. Told once a day and app.

Source: WCAG 2.2, success criterion 2.2.1 (timing adjustable); section D of the detection set.
Known false positives: one person at two machines, whose session on the other one ends as it should.
"""

from __future__ import annotations

from pydantic import Field

from detectors.context import UserContext
from detectors.findings.counts import EXPIRED, TIMEOUTS
from detectors.findings.derived import Share, ShareParameters
from detectors.parameters import Duration
from detectors.rule import Hit, Rule
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import MINUTE, SECOND


class ExpiryInUseParameters(ShareParameters):
    """Parameters of expiry-in-use."""

    active: Duration = Field(5 * MINUTE, description="How long ago the user's last request may be.")


class ExpiryInUse(Share, Rule[UserContext, None]):
    """A session expires under the hands of its user."""

    id = "expiry-in-use"
    title = "Sessions expire while their user is at work"
    key = "user"
    needs = frozenset({"fail", "destroy"})
    attack = ()
    severity = Severity.INFO
    reported = "app"
    repeats = False
    counted = "expiries"
    found = "sessions that came to their timeout did so while their user was at work,"
    runbook = (
        "Compare the app's timeouts with how long its users work at a time.",
        "Benign if the timeout is an absolute one that the app's owner wants.",
        "Let requests renew the idle timeout, and warn before the session ends.",
    )
    Parameters = ExpiryInUseParameters

    def on_event(self, event: Event, context: UserContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge the end of a session."""
        if event.session_id is None or event.reason not in (EXPIRED if event.type == "fail" else TIMEOUTS):
            return None
        assert isinstance(self.parameters, ExpiryInUseParameters)
        used_us = max((one.last_us for one in context.sessions if one.last_us <= event.time_us), default=0)
        idle_us = event.time_us - used_us
        if idle_us > self.parameters.active:
            return None
        ago = f"{idle_us // SECOND} s after the user's last request"
        # By session, so that each counts once.
        return Hit(Severity.INFO, f"Session expired {ago}", f"expired {ago}", episode=f"{event.app} {event.session_id}")
