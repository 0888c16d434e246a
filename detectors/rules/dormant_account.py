"""The first success of an account that nobody has used for three months.

Source: MITRE ATT&CK T1078; Azure-Sentinel and chronicle look for dormant accounts that wake, since their owners
would not notice.
Known false positives: parental leave, seasonal work, an account for the yearly report. An account that was never
seen is new to sessionwatch, not dormant.
"""

from __future__ import annotations

from pydantic import Field

from detectors.context import UserContext
from detectors.networks import describe
from detectors.parameters import OF_DAYS, Duration, Parameters
from detectors.rule import Hit, Rule
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import DAY, to_rfc3339


class DormantAccountParameters(Parameters):
    """Parameters of dormant-account."""

    silence: Duration = Field(
        90 * DAY,
        ge=DAY,
        le=365 * DAY,
        json_schema_extra=OF_DAYS,
        description="After how long without any success an account counts as dormant.",
    )


class DormantAccount(Rule[UserContext, None]):
    """An account wakes."""

    id = "dormant-account"
    title = "Success of a dormant account"
    key = "user"
    needs = frozenset({"create", "validate"})
    attack = ("T1078",)
    severity = Severity.LOW
    repeats = False
    runbook = (
        "Find out whether the person is still with the organisation, and was away.",
        "Benign if they came back; the device and network are then mostly the old ones.",
        "Else close the account, and see what was done since it woke.",
    )
    Parameters = DormantAccountParameters

    def on_event(self, event: Event, context: UserContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge a successful use."""
        assert isinstance(self.parameters, DormantAccountParameters)
        last_us = max(context.profile.last_success_us, context.last_success_us)
        if not last_us or event.time_us - last_us < self.parameters.silence:
            return None
        return Hit(
            Severity.LOW,
            f"First success in {(event.time_us - last_us) // DAY} days",
            f"used from {describe(event.place)}",
            usual={"last success": to_rfc3339(last_us)},
        )
