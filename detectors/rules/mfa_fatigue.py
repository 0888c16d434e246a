"""Second-factor fatigue: somebody who has the password asks the user's phone again and again, until it says yes.

Source: MITRE ATT&CK T1621; okta customer-detections and elastic/detection-rules count refused pushes.
Known false positives: a phone without reception, when the user tries again and again from a known place: high at
most. Critical is only a sign-in that comes from where the refused pushes were asked for and where the user is not
known: the real user who signs in elsewhere meanwhile must not pay for the attack (decision 27).
"""

from __future__ import annotations

from pydantic import Field

from detectors.context import LINEAGE_REASONS, UserContext
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Memory, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import MINUTE, SECOND

REFUSED = {"mfa_denied": "push denied", "mfa_timeout": "push not answered"}

ONE_PUSH_US = 2 * SECOND
"""A push that is told twice, or sent again by the same click, is one."""

MAX_PUSHES = 32
"""Pushes remembered of a user; the threshold may be as high."""


class MfaFatigueParameters(Parameters):
    """Parameters of mfa-fatigue."""

    pushes: int = Field(5, ge=2, le=MAX_PUSHES, description="How many refused pushes within the window are too many.")
    window: Duration = Field(10 * MINUTE, description="The window.")


class MfaFatigueMemory(Memory):
    """Refused pushes: time, event id, network, device, what; oldest first."""

    pushes: tuple[tuple[int, str, str | None, str | None, str], ...] = ()


class MfaFatigue(Rule[UserContext, MfaFatigueMemory]):
    """Many refused pushes, and perhaps one that was not."""

    id = "mfa-fatigue"
    title = "Second factor asked for until it is given"
    key = "user"
    needs = frozenset({"fail", "create", "validate"})
    attack = ("T1621",)
    severity = Severity.CRITICAL
    runbook = (
        "Ask the user whether the pushes were theirs, and whether they accepted one.",
        "Benign if the phone had no reception and the sign-in came from the user's own device.",
        "Else end the new session and reset the password: whoever asked for the pushes knows it.",
    )
    repeats = False
    memory = MfaFatigueMemory
    Parameters = MfaFatigueParameters

    def on_event(self, event: Event, context: UserContext, memory: MfaFatigueMemory, app: AppPolicy) -> Hit | None:
        """Count a refused push; a sign-in after many of them is judged by where it comes from."""
        assert isinstance(self.parameters, MfaFatigueParameters)
        if event.type == "fail":
            if event.reason not in REFUSED or not _remember(memory, event, event.reason):
                return None
        elif not memory.pushes or not _passes(event):
            return None
        since = event.time_us - self.parameters.window
        pushes = [push for push in memory.pushes if since < push[0] <= event.time_us]
        if len(pushes) < self.parameters.pushes:
            return None
        count, minutes = len(pushes), self.parameters.window // MINUTE
        evidence = tuple(Evidence(push[1], push[0], push[4]) for push in pushes if push[1] != event.event_id)
        usual = {"network": describe(context.uses[-1].place)} if context.uses else {}
        if event.type == "fail":
            return Hit(
                Severity.HIGH,
                f"{count} pushes refused within {minutes} min, last from {describe(event.place)}",
                f"{REFUSED[event.reason or '']} from {describe(event.place)}",
                evidence=evidence,
                usual=usual,
            )
        return Hit(
            Severity.CRITICAL if self._goes_on(event, context, pushes) else Severity.HIGH,
            f"Signed in from {describe(event.place)} after {count} pushes refused within {minutes} min",
            f"signed in from {describe(event.place)}",
            evidence=evidence,
            usual=usual,
        )

    def _goes_on(
        self, event: Event, context: UserContext, pushes: list[tuple[int, str, str | None, str | None, str]]
    ) -> bool:
        """Say whether a sign-in comes from where the pushes were asked for, and the user is not known there."""
        network, device = event.place.network, event.device_id
        asked = any(
            (network is not None and push[2] == network) or (device is not None and push[3] == device)
            for push in pushes
        )
        # A session begun while the pushes were asked for is part of the same attack, not a habit.
        before_us = pushes[0][0]
        known = any(
            use.first_us < before_us
            and (use.place.network == network or (device is not None and use.device_id == device))
            for use in context.uses
        )
        return asked and not known


def _passes(event: Event) -> bool:
    """Say whether an event shows that the second factor was given."""
    if event.type == "create":
        return event.reason not in LINEAGE_REASONS
    return event.reason == "step_up"


def _remember(memory: MfaFatigueMemory, event: Event, reason: str) -> bool:
    """Take in a refused push; say whether it is one more."""
    if any(abs(event.time_us - push[0]) < ONE_PUSH_US for push in memory.pushes):
        return False
    push = (event.time_us, event.event_id, event.place.network, event.device_id, REFUSED[reason])
    memory.pushes = tuple(sorted([*memory.pushes, push], key=lambda known: known[:2])[-MAX_PUSHES:])
    return True
