"""Distributed spray: few tries a user from few addresses each, seen only when the whole app is looked at.

What is too much is measured by the app's own past: its failures by hour over a week, the same hour of earlier days
included. On the day of new passwords nearly everybody fails first and gets in a moment later: as long as more users
recover than fail, it is that day. Until a day of the past is known the alert is at most medium, and more users must
fail than get in.

Failures of which most come from one network are left to password-spray. IPv6 networks of one /48 count one by one.

Source: MITRE ATT&CK T1110.003; the baseline answers what okta and auth0 customer-detections leave to a fixed
number.
Known false positives: an outage of the identity provider; a broken release of the app's own client, when users are
only known by the hash of what they typed.
"""

from __future__ import annotations

import msgspec
from pydantic import Field

from detectors.attempts import SETTLE_US, Attempts, AttemptsMemory, crowd_hit, one_network, outnumber, tried_user
from detectors.context import KeyContext
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Rule, Undo
from detectors.windows import Rhythm, Span
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import DAY, HOUR, MINUTE


class DistributedSprayParameters(Parameters):
    """Parameters of distributed-spray."""

    networks: int = Field(5, ge=2, le=250, description="From how many networks the failures must come.")
    users: int = Field(8, ge=2, le=500, description="On how many users they must fall.")
    attempts: int = Field(25, ge=2, le=4_000, description="How many failed tries within the window are too many.")
    tries: int = Field(5, ge=1, le=100, description="A user tried more often than this does not count.")
    window: Duration = Field(15 * MINUTE, description="The window.")
    factor: float = Field(5, ge=1, le=1_000, description="How many times the app's own baseline is too much.")
    learning: Duration = Field(DAY, description="How long the app's past must be before it is a baseline.")


class DistributedSprayMemory(AttemptsMemory):
    """The attempts at an app, and the rhythm of its failures."""

    rhythm: Rhythm = msgspec.field(default_factory=Rhythm)


class DistributedSpray(Rule[KeyContext, DistributedSprayMemory]):
    """Many users failing from many networks, far above what this app is used to."""

    id = "distributed-spray"
    title = "Passwords tried on many users from many networks"
    key = "app"
    needs = frozenset({"fail", "create"})
    attack = ("T1110.003",)
    severity = Severity.HIGH
    runbook = (
        "Look whether the networks are hosting or proxies, and whether agents or the order of names repeat.",
        "Benign after new passwords for all, a broken release or an outage of the sign-in.",
        "Else ask for a second factor or a challenge at the sign-in, and look at the users who got in meanwhile.",
    )
    repeats = False
    settle_us = SETTLE_US
    memory = DistributedSprayMemory
    Parameters = DistributedSprayParameters

    def on_event(
        self, event: Event, context: KeyContext, memory: DistributedSprayMemory, app: AppPolicy
    ) -> Hit | Undo | None:
        """Count a failure; a sign-in may explain those before it."""
        assert isinstance(self.parameters, DistributedSprayParameters)
        attempts = memory.follow(Span(self.parameters.window, self.parameters.tries), event)
        if event.type == "fail" and tried_user(event) is not None:
            memory.rhythm.note(
                event.time_us,
                event.count,
                learning_us=self.parameters.learning,
                factor=self.parameters.factor,
                least=self.parameters.attempts,
            )
        suspected = attempts is not None and self._unexplained(attempts, memory.rhythm)
        if event.type == "create":
            return None if suspected else memory.episode.undo(event.time_us)
        if attempts is None or not suspected or not self._many(attempts):
            return None
        began = memory.episode.open(event.time_us, self.dedup_us, self.settle_us + app.clock_skew_us)
        severity = Severity.MEDIUM if memory.rhythm.usual is None else Severity.HIGH
        evidence = memory.witnesses.beside(event, event.time_us - self.parameters.window) if began else ()
        return crowd_hit(severity, self._summary(attempts, memory.rhythm), event, evidence, memory.episode.name)

    def _many(self, attempts: Attempts) -> bool:
        assert isinstance(self.parameters, DistributedSprayParameters)
        return (
            len(attempts.networks) >= self.parameters.networks
            and not one_network(attempts)
            and attempts.failed.light >= self.parameters.users
            and attempts.failed.light_total >= self.parameters.attempts
        )

    def _unexplained(self, attempts: Attempts, rhythm: Rhythm) -> bool:
        assert isinstance(self.parameters, DistributedSprayParameters)
        if attempts.failed.light <= len(attempts.recovered):
            return False
        usual = self._usual(rhythm)
        if usual is None:
            return outnumber(attempts)
        return attempts.failed.light_total > self.parameters.factor * usual

    def _usual(self, rhythm: Rhythm) -> float | None:
        """Return how many failures a window like this one holds."""
        assert isinstance(self.parameters, DistributedSprayParameters)
        return None if rhythm.usual is None else rhythm.usual * self.parameters.window / HOUR

    def _summary(self, attempts: Attempts, rhythm: Rhythm) -> str:
        assert isinstance(self.parameters, DistributedSprayParameters)
        usual = self._usual(rhythm)
        past = "its past is not known yet" if usual is None else f"{usual:.1f} are usual"
        return (
            f"{attempts.failed.light_total} failed tries on {attempts.failed.light} users from "
            f"{len(attempts.networks)} networks within {self.parameters.window // MINUTE} min; {past}"
        )
