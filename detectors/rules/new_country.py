"""A success from a country in which this user was not seen before.

What is ordinary are the finished days of the last four weeks in which the user was there at all; what today shows
is ordinary tomorrow. The first logins only teach. A country alone is what every journey shows: medium takes a second
fact, a device that is new too. Where nothing names a device, a client of another family or system stands for it.

Source: MITRE ATT&CK T1078.004; Azure-Sentinel and panther-analysis compare countries with the last weeks too, and
learned to leave new accounts alone.
Known false positives: a journey with a new computer, or with a browser that has forgotten its cookies; a way out in
another country that is not named in `corporate`; a country list that is out of date.
"""

from __future__ import annotations

from pydantic import Field

from detectors.baselines import BaselineParameters, first_day, has_learned, is_corporate, is_new_device, seen_today
from detectors.context import UserContext
from detectors.neighbours import are_neighbours
from detectors.networks import ANONYMISER_TYPES, describe
from detectors.profile import MAX_COUNTRIES, Profile
from detectors.rule import Hit, Rule
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import DAY

MAX_TOLD = 6
"""Countries named as usual."""


class NewCountryParameters(BaselineParameters):
    """Parameters of new-country."""

    travels: int = Field(
        3, ge=2, le=MAX_COUNTRIES, description="Seen in so many countries within the baseline, one more is low."
    )


class NewCountry(Rule[UserContext, None]):
    """A country that is new for this user."""

    id = "new-country"
    version = 2
    title = "Success from a country new to the user"
    key = "user"
    needs = frozenset({"create", "validate"})
    attack = ("T1078.004",)
    severity = Severity.MEDIUM
    repeats = False
    runbook = (
        "Look at the device and the sign-in method: known ones, and the sessions at home at rest, speak for a journey.",
        "Benign if the user is travelling, or works through a way out in that country: name it under `corporate`.",
        "Else end the session, reset the password, and see what was done in it.",
    )
    Parameters = NewCountryParameters

    def on_event(self, event: Event, context: UserContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge a successful use."""
        assert isinstance(self.parameters, NewCountryParameters)
        country, profile = event.place.country, context.profile
        if country is None or not has_learned(profile, self.parameters):
            return None
        since_day = first_day(profile, self.parameters.baseline)
        if profile.knows_country(country, since_day) or not profile.countries:
            return None
        if any(sight.place.country == country for sight in seen_today(context, event)):
            return None
        if is_corporate(event, self.parameters.corporate):
            return None
        usual = ", ".join(sorted(profile.countries, key=lambda known: -profile.countries[known])[:MAX_TOLD])
        why_low = self._why_low(event, profile, since_day)
        return Hit(
            Severity.LOW if why_low else Severity.MEDIUM,
            f"First success from {country}; usual: {usual}" + (f" ({why_low})" if why_low else ""),
            f"used from {describe(event.place)}",
            usual={"countries": usual},
            episode=f"{country} {event.time_us // DAY}",
        )

    def _why_low(self, event: Event, profile: Profile, since_day: int) -> str:
        """Return what makes a country less of a surprise, in a few words; empty where nothing does."""
        assert isinstance(self.parameters, NewCountryParameters)
        country = event.place.country or ""
        if profile.knows_country(country):
            return "was there before"
        if event.place.network_type in ANONYMISER_TYPES:
            return "behind an anonymiser, where the country says little"
        if event.place.network_type == "mobile" and any(are_neighbours(country, known) for known in profile.countries):
            return "on a mobile network next door"
        if is_new_device(event, profile, since_day) is False:
            # A client of the same kind is a weaker sign than a device, but a lone country is no strong one either.
            return "on a known device" if event.device_id is not None else "with the user's kind of client"
        lately = sum(1 for day in profile.countries.values() if day >= since_day)
        return f"seen in {lately} countries lately" if lately >= self.parameters.travels else ""
