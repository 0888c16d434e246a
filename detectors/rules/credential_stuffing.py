"""Credential stuffing: pairs of user and password from a leak, tried one after the other from one network.

A leak knows one or two passwords a user, so there are many users, hardly ever tried twice. The guard is that of
password-spray: users who get in after all count no more, and fewer must get in than fail.

Source: MITRE ATT&CK T1110.004; auth0 customer-detections and Azure-Sentinel count users and tries by address.
Known false positives: a client behind one address whose stored passwords all became void at once; name it under
[[networks]] or write an exception.
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
from schemas.instant import MINUTE


class CredentialStuffingParameters(Parameters):
    """Parameters of credential-stuffing."""

    attempts: int = Field(25, ge=2, le=4_000, description="How many failed tries within the window are too many.")
    users: int = Field(15, ge=2, le=500, description="On how many users they must fall.")
    tries: int = Field(2, ge=1, le=100, description="A user tried more often than this does not count.")
    window: Duration = Field(15 * MINUTE, description="The window.")


class CredentialStuffing(Rule[KeyContext, AttemptsMemory]):
    """Many tries from one network, hardly ever two on one user."""

    id = "credential-stuffing"
    title = "Leaked passwords tried from one network"
    key = "network"
    needs = frozenset({"fail", "create"})
    attack = ("T1110.004",)
    severity = Severity.HIGH
    runbook = (
        "Look which users got in from this network, and from which agents the tries came.",
        "Benign if it is a client of your own with old passwords.",
        "Else block the network at the edge, end the sessions begun from it, reset those users' passwords.",
    )
    repeats = False
    settle_us = SETTLE_US
    memory = AttemptsMemory
    Parameters = CredentialStuffingParameters

    def on_event(self, event: Event, context: KeyContext, memory: AttemptsMemory, app: AppPolicy) -> Hit | Undo | None:
        """Count a failure; a sign-in may explain those before it."""
        assert isinstance(self.parameters, CredentialStuffingParameters)
        attempts = memory.follow(Span(self.parameters.window, self.parameters.tries), event)
        crowd = attempts is not None and outnumber(attempts)
        if event.type == "create":
            return None if crowd else memory.episode.undo(event.time_us)
        if attempts is None or not crowd:
            return None
        failed = attempts.failed
        if failed.light_total < self.parameters.attempts or failed.light < self.parameters.users:
            return None
        began = memory.episode.open(event.time_us, self.dedup_us, self.settle_us + app.clock_skew_us)
        evidence = memory.witnesses.beside(event, event.time_us - self.parameters.window) if began else ()
        summary = (
            f"{failed.light_total} failed tries on {failed.light} users from {describe(event.place)} within "
            f"{self.parameters.window // MINUTE} min, at most {self.parameters.tries} each; "
            f"{len(attempts.succeeded)} users got in"
        )
        return crowd_hit(Severity.HIGH, summary, event, evidence, memory.episode.name)
