"""The first success of an account that nobody has used for three months.

Source: MITRE ATT&CK T1078; Azure-Sentinel and chronicle look for dormant accounts that wake, since their owners
would not notice.
Known false positives: parental leave, seasonal work, an account for the yearly report. An account that was never
seen is new to sessionwatch, not dormant.

Who comes back mostly has the old device, or comes by the old provider: where both are new it is medium. A new provider
says so of a fixed line only: whoever once came from home is on a carrier the next time, or behind an office.
"""

from __future__ import annotations

from pydantic import Field

from detectors.baselines import is_new_device
from detectors.context import UserContext
from detectors.networks import PASSING_TYPES, describe
from detectors.parameters import OF_DAYS, Duration, Parameters
from detectors.profile import Profile
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
    version = 2
    title = "Success of a dormant account"
    key = "user"
    needs = frozenset({"create", "validate"})
    attack = ("T1078",)
    severity = Severity.MEDIUM
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
        is_other = _is_other(event, context.profile)
        return Hit(
            Severity.MEDIUM if is_other else Severity.LOW,
            f"First success in {(event.time_us - last_us) // DAY} days"
            + (", on a new device in a new network" if is_other else ""),
            f"used from {describe(event.place)}",
            usual={"last success": to_rfc3339(last_us)},
        )


def _is_other(event: Event, profile: Profile) -> bool:
    """Say whether neither the device nor the network or its provider is the account's own."""
    place = event.place
    if not profile.networks or place.network is None or profile.knows_network(place.network):
        return False
    if place.asn is None or profile.knows_asn(place.asn) or place.network_type in PASSING_TYPES:
        return False
    return is_new_device(event, profile, 0) is True
