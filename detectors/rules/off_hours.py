"""A success in an hour of the week in which this user is hardly ever there.

The rhythm is the user's own, never fixed office hours, and it is asked for the first success of an hour. History
counts hours with a success, those before and after included, so that neither a chatty app nor daylight saving
changes it.

Source: MITRE ATT&CK T1078; elastic/detection-rules models the hour of day by user.
Known false positives: a release night, a shift swapped, another time zone. It is a hint beside other alerts.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import Field

from detectors.baselines import BaselineParameters, first_day
from detectors.context import UserContext
from detectors.networks import describe
from detectors.parameters import OF_DAYS, Duration
from detectors.rule import Hit, Rule
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import DAY, HOUR, SECOND


class OffHoursParameters(BaselineParameters):
    """Parameters of off-hours."""

    share: float = Field(0.01, gt=0, lt=1, description="Below this share of the user's history an hour is off, 0 to 1.")
    history: Duration = Field(
        30 * DAY, ge=DAY, json_schema_extra=OF_DAYS, description="How long the user must have been known."
    )
    learn: int = Field(10, ge=1, le=1_000, description="On how many days of the baseline the user must have been seen.")


class OffHours(Rule[UserContext, None]):
    """A user is there when they never are."""

    id = "off-hours"
    title = "Success outside the user's own hours"
    key = "user"
    needs = frozenset({"create", "validate"})
    attack = ("T1078",)
    severity = Severity.INFO
    repeats = False
    runbook = (
        "Look for other alerts about this user: alone it means little.",
        "Benign if device and network are known, and the user worked late or travels.",
        "Else treat it as a sign of takeover.",
    )
    Parameters = OffHoursParameters

    def on_event(self, event: Event, context: UserContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge a successful use."""
        assert isinstance(self.parameters, OffHoursParameters)
        profile = context.profile
        if not profile.first_us or event.time_us - profile.first_us < self.parameters.history:
            return None
        hour = 1 << event.time_us % DAY // HOUR
        if any(sight.hours & hour for sight in context.sights):
            return None
        since_day = first_day(profile, self.parameters.baseline)
        if profile.days_since(since_day) < self.parameters.learn:
            return None
        share = profile.share_of_hour(event.time_us, since_day)
        if share >= self.parameters.share:
            return None
        when = datetime.fromtimestamp(event.time_us // SECOND, UTC).strftime("%A %H:00 UTC")
        return Hit(
            Severity.INFO,
            f"Success on {when}, an hour that holds {share:.1%} of the user's history",
            f"used from {describe(event.place)}",
            usual={"share of this hour": f"{share:.1%}"},
            episode=str(event.time_us // DAY),
        )
