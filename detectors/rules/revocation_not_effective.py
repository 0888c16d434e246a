"""A revoked session that the app still accepts: whoever stole it is still in.

When this may be said stands in decision 30 of the design: only an accepted use whose event time *and* arrival
are later than delivery + the app's `revoke_grace` + `clock_skew`; late and spooled events do not count. A
session ended by `destroy(revoked)` without a delivery of ours is held to the same standard from its destroy
on.
Known false positives: app servers whose clocks differ by more than the declared `clock_skew`.
"""

from __future__ import annotations

from detectors.context import SessionContext
from detectors.networks import describe
from detectors.rule import Hit, Memory, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import SECOND
from schemas.signal import Signal


class Delivered(Memory):
    """The delivered revocation of a session, an empty id where there is none, and when one was last released."""

    revocation_id: str = ""
    delivered_us: int = 0
    released_us: int = 0


class RevocationNotEffective(Rule[SessionContext, Delivered]):
    """Still accepted after its revocation was delivered."""

    id = "revocation-not-effective"
    title = "Revoked session still accepted"
    key = "session"
    needs = frozenset({"validate"})
    wants_signals = frozenset({"revocation_delivered", "revocation_released"})
    attack = ("T1550.004",)
    severity = Severity.CRITICAL
    repeats = False
    runbook = (
        "The app took the revocation and still accepts the session: end it in the app's own store now.",
        "Look whether one server of the app lacks the middleware, or its clock is off.",
        "Never benign while uses go on; talk to the app's developers before trusting its next revocation.",
    )
    # It may have been spooled anywhere.
    judges_late = False
    memory = Delivered

    def on_signal(self, signal: Signal, memory: Delivered) -> None:
        """Take note of a delivery, or of a release."""
        revocation_id = str(signal.payload.get("revocation_id", ""))
        if signal.kind == "revocation_released":
            memory.revocation_id, memory.delivered_us, memory.released_us = "", 0, signal.time_us
        elif memory.revocation_id != revocation_id:
            # A second delivery of the same revocation must not extend the grace of the first.
            memory.revocation_id, memory.delivered_us = revocation_id, signal.time_us

    def on_event(self, event: Event, context: SessionContext, memory: Delivered, app: AppPolicy) -> Hit | None:
        """Judge an accepted use."""
        since_us, episode = memory.delivered_us, memory.revocation_id
        if not episode:
            if context.ended_reason != "revoked" or context.ended_us is None:
                return None
            if context.ended_us <= memory.released_us:
                return None
            since_us, episode = context.ended_us, "destroyed"
        deadline_us = since_us + app.revoke_grace_us + app.clock_skew_us
        if event.time_us <= deadline_us or event.arrival_us <= deadline_us:
            return None
        seconds = (event.time_us - since_us) / SECOND
        return Hit(
            Severity.CRITICAL,
            f"Still accepted {seconds:.1f} s after its revocation, from {describe(event.place)}",
            f"accepted {seconds:.1f} s after the revocation, from {describe(event.place)}",
            evidence=(Evidence(context.ended_event_id, since_us, "revoked"),),
            episode=episode,
        )
