"""An app refuses the sessions of its own users as unknown: it was restarted and lost its store, or its keys changed.

One notice for the app, in place of an alarm about every office and carrier. It tells by ids whose beginning was seen,
or by many networks refused at once, and in both cases far above what old cookies make every day.

Source: the control of `session-enumeration`; MITRE ATT&CK T1110, since ids guessed from many networks at once look
the same.
Known false positives: none that harm: it is a notice.
"""

from __future__ import annotations

import msgspec
from pydantic import Field

from detectors.context import KeyContext
from detectors.parameters import Duration, Parameters
from detectors.refusals import UNKNOWN_SESSION, Refusals, RefusalsMemory
from detectors.rule import Hit, Rule
from detectors.windows import Rhythm, Span
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import DAY, HOUR, MINUTE


class SessionStoreLostParameters(Parameters):
    """Parameters of session-store-lost."""

    ids: int = Field(30, ge=2, le=250, description="How many sessions refused within the window are a loss.")
    window: Duration = Field(5 * MINUTE, description="The window.")
    networks: int = Field(10, ge=2, le=250, description="From how many networks, where their beginning is unknown.")
    factor: float = Field(5, ge=1, le=1_000, description="How many times the app's own baseline is too much.")
    learning: Duration = Field(DAY, description="How long the app's past must be before it is a baseline.")


class SessionStoreLostMemory(RefusalsMemory):
    """The refusals of an app, and their rhythm."""

    rhythm: Rhythm = msgspec.field(default_factory=Rhythm)


class SessionStoreLost(Rule[KeyContext, SessionStoreLostMemory]):
    """Sessions of many users refused as unknown at once."""

    id = "session-store-lost"
    title = "App has lost its users' sessions"
    key = "app"
    needs = frozenset({"fail", "create"})
    attack = ()
    severity = Severity.LOW
    runbook = (
        "Ask the app's team for a restart, a flushed session store or new keys at that time.",
        "Benign if so: people sign in again; a store that survives a restart would spare them.",
        "Else somebody guesses ids from many networks: look at the networks, and at the length of the app's ids.",
    )
    repeats = False
    memory = SessionStoreLostMemory
    dedup_us = DAY
    Parameters = SessionStoreLostParameters

    def on_event(self, event: Event, context: KeyContext, memory: SessionStoreLostMemory, app: AppPolicy) -> Hit | None:
        """Count a refusal."""
        assert isinstance(self.parameters, SessionStoreLostParameters)
        refusals = memory.follow(Span(self.parameters.window), event)
        if event.type != "fail" or event.reason != UNKNOWN_SESSION or refusals is None:
            return None
        memory.rhythm.note(
            event.time_us,
            1,
            learning_us=self.parameters.learning,
            factor=self.parameters.factor,
            least=self.parameters.ids,
        )
        known, refused = len(refusals.known), len(refusals.known) + len(refusals.unknown)
        everywhere = refused >= self.parameters.ids and len(refusals.networks) >= self.parameters.networks
        if not (known >= self.parameters.ids or everywhere) or not self._unusual(refusals, memory.rhythm):
            return None
        return Hit(
            Severity.LOW,
            f"{refused} sessions refused as unknown from {len(refusals.networks)} networks within "
            f"{self.parameters.window // MINUTE} min; {known} of them were seen to begin",
            "refused as unknown",
            evidence=tuple(one for one in refusals.witnesses() if one.event_id != event.event_id),
        )

    def _unusual(self, refusals: Refusals, rhythm: Rhythm) -> bool:
        """Say whether old cookies alone cannot explain the refusals."""
        assert isinstance(self.parameters, SessionStoreLostParameters)
        if rhythm.usual is None:
            # An old cookie is followed by a sign-in one by one; after a loss all of them come before.
            return len(refusals.known) + len(refusals.unknown) > len(refusals.succeeded)
        tries = refusals.known.total + refusals.unknown.total
        return tries > self.parameters.factor * rhythm.usual * self.parameters.window / HOUR
