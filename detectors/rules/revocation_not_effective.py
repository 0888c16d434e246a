"""A revoked session that the app still accepts: whoever stole it is still in.

When this may be said stands in decision 30 of the design: only an accepted use whose event time *and* arrival
are later than delivery + the app's `revoke_grace` + `clock_skew`; late and spooled events do not count. A
session ended by `destroy(revoked)` without a delivery of ours is held to the same standard from its destroy
on.

Source: MITRE ATT&CK T1550; ory/hydra#3484 and keycloak#23604, where what was revoked lived on unseen.
Source: MITRE ATT&CK T1550.004; ory/hydra#3484, where a revoked session's tokens lived on, which is why a session that
is refreshed or rotated out of a revoked one is held to the same.
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

    def note(self, signal: Signal) -> None:
        """Take note of a delivery, or of a release."""
        revocation_id = str(signal.payload.get("revocation_id", ""))
        if signal.kind == "revocation_released":
            self.revocation_id, self.delivered_us, self.released_us = "", 0, signal.time_us
        elif self.revocation_id != revocation_id:
            # A second delivery of the same revocation must not extend the grace of the first.
            self.revocation_id, self.delivered_us = revocation_id, signal.time_us


class RevocationNotEffective(Rule[SessionContext, Delivered]):
    """Still accepted after its revocation was delivered."""

    id = "revocation-not-effective"
    title = "Revoked session still accepted"
    key = "session"
    needs = frozenset({"create", "validate"})
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
    # Of a session whose revocation was delivered or told, no use is a repeat.
    repeats = False
    memory = Delivered
    inherits = True

    def on_signal(self, signal: Signal, memory: Delivered) -> None:
        """Take note of a delivery, or of a release."""
        memory.note(signal)

    def on_event(self, event: Event, context: SessionContext, memory: Delivered, app: AppPolicy) -> Hit | None:
        """Judge an accepted use."""
        if event.type == "create" and context.parent is None:
            return None
        since_us, episode, event_id = memory.delivered_us, memory.revocation_id, context.ended_event_id
        if not episode:
            told = _told_revoked(event, context)
            if told is None or told[0] <= memory.released_us:
                return None
            since_us, event_id = told
            episode = "destroyed"
        deadline_us = since_us + app.revoke_grace_us + app.clock_skew_us
        if event.time_us <= deadline_us or event.arrival_us <= deadline_us:
            return None
        seconds = (event.time_us - since_us) / SECOND
        return Hit(
            Severity.CRITICAL,
            f"Still accepted {seconds:.1f} s after its revocation, from {describe(event.place)}",
            f"accepted {seconds:.1f} s after the revocation, from {describe(event.place)}",
            evidence=(Evidence(event_id, since_us, "revoked"),),
            episode=episode,
        )


def _told_revoked(event: Event, context: SessionContext) -> tuple[int, str] | None:
    """Return when the app said that this session was revoked, or the one that it is an heir of, and the event."""
    if context.ended_us is not None and context.ended_reason == "revoked":
        return context.ended_us, context.ended_event_id
    parent = context.parent
    # After a logout, some frameworks go on with the same lineage for a visitor who is nobody.
    if parent is None or parent.ended_us is None or parent.ended_reason != "revoked" or event.user_id is None:
        return None
    return parent.ended_us, parent.ended_event_id
