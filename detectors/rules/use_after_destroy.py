"""A session that is still accepted after it was ended: its logout did not end it on the server, or somebody
kept it.

Source: OWASP Session Management cheat sheet (invalidate on the server); MITRE ATT&CK T1550.004.
Known false positives: requests in flight at the logout and events out of order, which the grace covers; app
servers whose clocks differ by more than the declared `clock_skew`.
"""

from __future__ import annotations

from pydantic import Field

from detectors.context import SessionContext
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import SECOND


class UseAfterDestroyParameters(Parameters):
    """Parameters of use-after-destroy."""

    grace: Duration = Field(
        60 * SECOND,
        description="Requests this soon after the end are in flight; the app's clock_skew is added.",
    )


class UseAfterDestroy(Rule[SessionContext, None]):
    """Accepted after its `destroy`."""

    id = "use-after-destroy"
    title = "Session still accepted after it was ended"
    key = "session"
    needs = frozenset({"validate"})
    attack = ("T1550.004",)
    severity = Severity.HIGH
    runbook = (
        "Look whether the use comes from the network and agent of the user, or from elsewhere.",
        "Many sessions of one app: its logout only clears the cookie; tell its developers.",
        "From elsewhere: revoke the session, which the app must refuse whatever its own store says.",
    )
    repeats = False
    Parameters = UseAfterDestroyParameters

    def on_event(self, event: Event, context: SessionContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge an accepted use."""
        ended_us = context.ended_us
        # After destroy(revoked) the question is whether the revocation works: revocation-not-
        # effective asks it.
        if ended_us is None or context.ended_reason == "revoked":
            return None
        assert isinstance(self.parameters, UseAfterDestroyParameters)
        if event.time_us <= ended_us + self.parameters.grace + app.clock_skew_us:
            return None
        if event.time_us > (context.created_us or ended_us) + app.session_life_us + self.parameters.grace:
            return None
        seconds = (event.time_us - ended_us) / SECOND
        how = context.ended_reason or "destroy"
        return Hit(
            Severity.HIGH,
            f"Accepted {seconds:.1f} s after its {how.replace('_', ' ')}, from {describe(event.place)}",
            f"accepted {seconds:.1f} s after {how}, from {describe(event.place)}",
            evidence=(Evidence(context.ended_event_id, ended_us, f"ended by {how}"),),
            usual={"network": describe(context.home.place)} if context.home else {},
        )
