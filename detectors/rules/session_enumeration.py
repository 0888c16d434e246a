"""Session enumeration: ids that never existed, tried one after the other from one network.

An app that has lost its session store refuses its own users in the same way, hundreds behind one office address.
Three things tell that apart, all of them of this network: ids that began here are not guessed ones, and where they
are a quarter of the ids refused, none is; people who sign in again explain five ids each (nobody who guesses signs
in); and a hit waits two minutes for both. The loss itself shows once for the app, as `session-store-lost`.

Source: MITRE ATT&CK T1110; OWASP Session Management cheat sheet (session id guessing).
Known false positives: a store lost at night, when many idle pages behind one carrier address ask with ids begun
more than a day before, and nobody is there to sign in. Refusals without an id are not counted.
"""

from __future__ import annotations

from pydantic import Field

from detectors.context import KeyContext
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.refusals import Refusals, RefusalsMemory
from detectors.rule import Hit, Rule, Undo
from detectors.windows import Span
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import MINUTE


class SessionEnumerationParameters(Parameters):
    """Parameters of session-enumeration."""

    ids: int = Field(30, ge=2, le=500, description="How many unknown ids refused within the window are too many.")
    window: Duration = Field(5 * MINUTE, description="The window.")
    known_share: float = Field(
        0.25, gt=0, le=1, description="Where this many known ids are refused for each unknown one, the app lost them."
    )
    explained: int = Field(5, ge=0, le=1_000, description="How many unknown ids one user who signs in explains.")


class SessionEnumeration(Rule[KeyContext, RefusalsMemory]):
    """Many unknown session ids from one network."""

    id = "session-enumeration"
    title = "Session ids guessed from one network"
    key = "network"
    needs = frozenset({"fail", "create"})
    attack = ("T1110",)
    severity = Severity.HIGH
    runbook = (
        "Look whether the app was restarted or changed its keys then, and whether other networks show the same.",
        "Benign if it was: the app lost its sessions, and people sign in again.",
        "Else block the network at the edge, and check that the app's ids are long and random.",
    )
    repeats = False
    settle_us = 2 * MINUTE
    memory = RefusalsMemory
    Parameters = SessionEnumerationParameters

    def on_event(self, event: Event, context: KeyContext, memory: RefusalsMemory, app: AppPolicy) -> Hit | Undo | None:
        """Count a refusal; a known id or a sign-in may explain those before it."""
        assert isinstance(self.parameters, SessionEnumerationParameters)
        refusals = memory.follow(Span(self.parameters.window), event)
        if refusals is None:
            return None
        if self._explained(refusals):
            return memory.episode.undo(event.time_us)
        if event.type != "fail" or len(refusals.unknown) < self.parameters.ids:
            return None
        began = memory.episode.open(event.time_us, self.dedup_us, self.settle_us + app.clock_skew_us)
        # Named by its owner, hundreds are known to stand behind it.
        severity = Severity.LOW if event.place.network_type == "office" else Severity.HIGH
        return Hit(
            severity,
            f"{len(refusals.unknown)} unknown session ids refused from {describe(event.place)} within "
            f"{self.parameters.window // MINUTE} min; {len(refusals.succeeded)} users signed in",
            f"refused an unknown session from {event.place.network}",
            evidence=tuple(one for one in refusals.witnesses() if one.event_id != event.event_id) if began else (),
            episode=memory.episode.name,
        )

    def _explained(self, refusals: Refusals) -> bool:
        assert isinstance(self.parameters, SessionEnumerationParameters)
        unknown = len(refusals.unknown)
        return (
            len(refusals.known) >= self.parameters.known_share * unknown
            or len(refusals.succeeded) * self.parameters.explained >= unknown
        )
