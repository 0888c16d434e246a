"""Password spray: a few passwords tried on many users from one network.

Each user sees too few failures to be locked or to notice; together they stand out. Users who get in after all
count no more, and as long as more users get in than fail, it is an office or a carrier.

Source: MITRE ATT&CK T1110.003; okta and auth0 customer-detections count users by address in the same way.
Known false positives: a shared outage of an identity provider behind one address, when nobody gets in; a load
test. Evaded by: someone who owns more accounts here than he attacks. IPv6 is counted by /64 here, and by /48 in
`prefix-spray`.
"""

from __future__ import annotations

from pydantic import Field

from detectors.attempts import SETTLE_US, AttemptsMemory, crowd_hit, outnumber
from detectors.context import KeyContext
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Rule, Undo
from detectors.windows import Span
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import HOUR, MINUTE


class PasswordSprayParameters(Parameters):
    """Parameters of password-spray."""

    users: int = Field(10, ge=2, le=500, description="How many users failing within the window are a spray.")
    window: Duration = Field(10 * MINUTE, description="The short window.")
    slow_users: int = Field(25, ge=2, le=500, description="The same for the long window.")
    slow_window: Duration = Field(HOUR, description="The long window.")
    tries: int = Field(6, ge=1, le=100, description="A user tried more often than this is not sprayed.")


class PasswordSpray(Rule[KeyContext, AttemptsMemory]):
    """Many users failing from one network, few tries each."""

    id = "password-spray"
    title = "Few passwords tried on many users from one network"
    key = "network"
    needs = frozenset({"fail", "create"})
    attack = ("T1110.003",)
    severity = Severity.HIGH
    runbook = (
        "Look at who owns the network, and whether any of the named users got in from it since.",
        "Benign if it is an office or carrier whose sign-in was out of order: name it under [[networks]].",
        "Else block the network at the edge, and reset the users who got in.",
    )
    repeats = False
    settle_us = SETTLE_US
    memory = AttemptsMemory
    Parameters = PasswordSprayParameters

    def on_event(self, event: Event, context: KeyContext, memory: AttemptsMemory, app: AppPolicy) -> Hit | Undo | None:
        """Count a failure; a sign-in may explain those before it."""
        assert isinstance(self.parameters, PasswordSprayParameters)
        crowds = False
        hit: Hit | None = None
        for length_us, users in (
            (self.parameters.window, self.parameters.users),
            (self.parameters.slow_window, self.parameters.slow_users),
        ):
            attempts = memory.follow(Span(length_us, self.parameters.tries), event)
            if attempts is None or not outnumber(attempts):
                continue
            crowds = True
            if hit is None and event.type == "fail" and attempts.failed.light >= users:
                began = memory.episode.open(event.time_us, self.dedup_us, self.settle_us + app.clock_skew_us)
                evidence = memory.witnesses.beside(event, event.time_us - length_us) if began else ()
                summary = (
                    f"{attempts.failed.light} users failed to sign in from {describe(event.place)} within "
                    f"{length_us // MINUTE} min, with at most {self.parameters.tries} tries each; "
                    f"{len(attempts.succeeded)} got in"
                )
                hit = crowd_hit(Severity.HIGH, summary, event, evidence, memory.episode.name)
        if event.type == "create" and not crowds:
            return memory.episode.undo(event.time_us)
        return hit
