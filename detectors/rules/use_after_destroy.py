"""A session that is still accepted after it was ended: its logout did not end it on the server, or somebody
kept it. A session that is refreshed or rotated out of an ended one goes on with it.

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
    needs = frozenset({"create", "validate"})
    attack = ("T1550.004",)
    severity = Severity.HIGH
    runbook = (
        "Look whether the use comes from the network and agent of the user, or from elsewhere.",
        "Many sessions of one app: its logout only clears the cookie; tell its developers.",
        "From elsewhere: revoke the session, which the app must refuse whatever its own store says.",
    )
    repeats = False
    # Of an ended session, no use is a repeat.
    repeats = False
    Parameters = UseAfterDestroyParameters

    def on_event(self, event: Event, context: SessionContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge an accepted use."""
        ended = _end(event, context)
        if ended is None:
            return None
        ended_us, how, event_id = ended
        assert isinstance(self.parameters, UseAfterDestroyParameters)
        if event.time_us <= ended_us + self.parameters.grace + app.clock_skew_us:
            return None
        if event.time_us > (context.created_us or ended_us) + app.session_life_us + self.parameters.grace:
            return None
        seconds = (event.time_us - ended_us) / SECOND
        return Hit(
            Severity.HIGH,
            f"Accepted {seconds:.1f} s after its {how.replace('_', ' ')}, from {describe(event.place)}",
            f"accepted {seconds:.1f} s after {how}, from {describe(event.place)}",
            evidence=(Evidence(event_id, ended_us, f"ended by {how}"),),
            usual={"network": describe(context.home.place)} if context.home else {},
        )


def _end(event: Event, context: SessionContext) -> tuple[int, str, str] | None:
    """Return when, how and by which event this session ended, or the one that it is an heir of."""
    if event.type == "validate" and context.ended_us is not None:
        # Whether a revocation works is asked by revocation-not-effective.
        if context.ended_reason == "revoked":
            return None
        return context.ended_us, context.ended_reason or "destroy", context.ended_event_id
    parent = context.parent
    if parent is None or parent.ended_us is None or parent.ended_reason == "revoked":
        return None
    # After a logout, some frameworks go on with the same lineage for a visitor who is nobody.
    if event.user_id is None or context.starts_anew(event):
        return None
    return parent.ended_us, f"parent's {parent.ended_reason or 'destroy'}", parent.ended_event_id
