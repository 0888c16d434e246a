"""A user who comes through Tor, a public VPN or a hosting network for the first time in a week.

Source: MITRE ATT&CK T1078, T1090; elastic/detection-rules and okta's catalogue report anonymisers by user, since by
network alone they drown in those who always use one.
Known false positives: private relays of phones and browsers, which are told as info; a VPN of the organisation that
is not named in `corporate`; a service account that was moved to another data centre.
"""

from __future__ import annotations

from pydantic import Field

from detectors.baselines import BaselineParameters, first_day, has_learned, is_corporate
from detectors.context import UserContext
from detectors.networks import ANONYMISER_TYPES, describe
from detectors.parameters import OF_DAYS, Duration
from detectors.profile import HORIZON_DAYS
from detectors.rule import Hit, Rule
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import DAY


class AnonymiserFirstUseParameters(BaselineParameters):
    """Parameters of anonymiser-first-use."""

    baseline: Duration = Field(
        7 * DAY,
        json_schema_extra=OF_DAYS,
        ge=DAY,
        le=(HORIZON_DAYS - 1) * DAY,
        description="After so long without one an anonymiser is a first again.",
    )
    often: int = Field(
        3, ge=1, le=HORIZON_DAYS, description="On so many days of three months makes it a habit, told as info."
    )


class AnonymiserFirstUse(Rule[UserContext, None]):
    """A user hides where they are, and did not before."""

    id = "anonymiser-first-use"
    title = "First use of an anonymiser"
    key = "user"
    needs = frozenset({"create", "validate"})
    attack = ("T1078",)
    severity = Severity.LOW
    repeats = False
    runbook = (
        "Compare device and client with the user's other sessions.",
        "Benign if the user has begun to use a VPN; name the organisation's own under `corporate`.",
        "Together with another alert about this user treat it as a sign of takeover.",
    )
    Parameters = AnonymiserFirstUseParameters

    def on_event(self, event: Event, context: UserContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge a successful use."""
        assert isinstance(self.parameters, AnonymiserFirstUseParameters)
        kind, profile = event.place.network_type, context.profile
        if kind not in ANONYMISER_TYPES or not has_learned(profile, self.parameters):
            return None
        if profile.anonymised_days(first_day(profile, self.parameters.baseline)):
            return None
        if any(sight.place.network_type in ANONYMISER_TYPES for sight in context.sights):
            return None
        if is_corporate(event, self.parameters.corporate):
            return None
        days = profile.anonymised_days(0)
        habit = kind == "relay" or days >= self.parameters.often
        return Hit(
            Severity.INFO if habit else Severity.LOW,
            f"First success through an anonymising network in {self.parameters.baseline // DAY} days: "
            + describe(event.place),
            f"used from {describe(event.place)}",
            usual={"days with an anonymiser": f"{days} of {profile.active_days}"},
            episode=str(event.time_us // DAY),
        )
