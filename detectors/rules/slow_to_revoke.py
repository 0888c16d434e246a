"""A revocation that takes effect more slowly than the app aims for.

Measured is the time from its delivery to the session's last accepted use. Whether it takes effect at all is asked by
`revocation-not-effective`.

Source: keycloak#23604, ory/hydra#3484 and casdoor/casdoor#5866, whose users ask how long a revoked session lives.
Known false positives: an app server whose clock is ahead by more than the declared `clock_skew`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from detectors.context import SessionContext
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Rule
from detectors.rules.revocation_not_effective import Delivered
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import SECOND
from schemas.signal import Signal


class SlowToRevokeParameters(Parameters):
    """Parameters of slow-to-revoke."""

    target: Duration = Field(
        5 * SECOND, description="How long after a delivery the session may still be used; clock_skew is added."
    )


class SlowToRevoke(Rule[SessionContext, Delivered]):
    """Used for too long after its revocation was delivered."""

    id = "slow-to-revoke"
    title = "Revocation slow to take effect"
    key = "session"
    needs = frozenset({"create", "validate"})
    wants_signals = frozenset({"revocation_delivered", "revocation_released"})
    attack = ("T1550.004",)
    severity = Severity.MEDIUM
    runbook = (
        "Look how the app learns of a revocation: at each request, by polling, by a cache that must expire.",
        "Benign if the target is stricter than the app can be: set the target for this app.",
        "Else have it look at its revocation list at each request.",
    )
    repeats = False
    # It may have been spooled anywhere.
    judges_late = False
    reported: ClassVar[Literal["key", "app"]] = "app"
    memory = Delivered
    inherits = True
    Parameters = SlowToRevokeParameters

    def on_signal(self, signal: Signal, memory: Delivered) -> None:
        """Take note of a delivery, or of a release."""
        memory.note(signal)

    def on_event(self, event: Event, context: SessionContext, memory: Delivered, app: AppPolicy) -> Hit | None:
        """Judge an accepted use."""
        if not memory.revocation_id:
            return None
        if context.starts_anew(event):
            # A new login, which only its id has in common with the revoked session.
            memory.revocation_id, memory.delivered_us = "", 0
            return None
        assert isinstance(self.parameters, SlowToRevokeParameters)
        deadline_us = memory.delivered_us + self.parameters.target + app.clock_skew_us
        if event.time_us <= deadline_us or event.arrival_us <= deadline_us:
            return None
        seconds = (event.time_us - memory.delivered_us) / SECOND
        target = self.parameters.target / SECOND
        return Hit(
            Severity.MEDIUM,
            f"Still used {seconds:.1f} s after its revocation was delivered; the target is {target:g} s",
            f"used {seconds:.1f} s after the delivery, from {describe(event.place)}",
            episode=memory.revocation_id,
        )
