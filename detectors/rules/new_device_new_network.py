"""An unknown device in an unknown network that, besides, hides its users or stands in a new country.

Three things at once that a user's own life seldom changes on one day: a new phone is first used at home, a journey
is made with a known one. Without device ids browser family and operating system stand for the device, without
autonomous systems the network itself does, and each costs a tier.

Of a user of whom one or two logins are known it is low, and so is a hiding network of one who hides often.

Of a user of whom nothing is known at all, everything is new: only a rented server or Tor is worth a low record then,
since nobody lives there and no user of a VPN is meant.

A browser maker's relay hides the address and keeps the country: only a new country makes one suspicious.

Source: MITRE ATT&CK T1078; okta's and auth0's detection catalogues join new device and new location for the same
reason, each alone being daily life.
Known false positives: a new phone that is set up abroad; a first login through a VPN that is not named in
`corporate`.
"""

from __future__ import annotations

from pydantic import Field

from detectors.baselines import BaselineParameters, first_day, has_learned, is_corporate, is_new_device, seen_today
from detectors.context import UserContext
from detectors.networks import ANONYMISER_TYPES, SERVER_TYPES, describe
from detectors.profile import HORIZON_DAYS, Profile
from detectors.rule import Hit, Rule
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event, Place
from schemas.instant import DAY

HIDING_TYPES = ANONYMISER_TYPES - {"relay"}
"""Networks that are a reason of their own. Relays are switched on for all by the makers of phones and browsers."""

TIERS = (Severity.HIGH, Severity.MEDIUM, Severity.LOW)


class NewDeviceNewNetworkParameters(BaselineParameters):
    """Parameters of new-device-new-network."""

    learn: int = Field(
        3, ge=1, le=1_000, description="With fewer logins, or days with uses, known of the user it is low."
    )
    often: int = Field(
        3, ge=1, le=HORIZON_DAYS, description="On so many days of three months a network that hides is a habit: low."
    )


class NewDeviceNewNetwork(Rule[UserContext, None]):
    """Everything about a use is new for this user."""

    id = "new-device-new-network"
    version = 3
    title = "Unknown device in an unknown and suspicious network"
    key = "user"
    needs = frozenset({"create", "validate"})
    attack = ("T1078",)
    severity = Severity.HIGH
    repeats = False
    runbook = (
        "Ask how the session was begun: by password alone, with a second factor, by recovery.",
        "Benign if the user confirms a new device and where they are.",
        "Else end the session, reset the password and the second factor, and look for changes made in it.",
    )
    Parameters = NewDeviceNewNetworkParameters

    def on_event(self, event: Event, context: UserContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge a successful use."""
        assert isinstance(self.parameters, NewDeviceNewNetworkParameters)
        profile, place = context.profile, event.place
        if not profile.networks:
            return self._from_a_server(event, context)
        since_day = first_day(profile, self.parameters.baseline)
        if not _is_new_network(place, profile, since_day) or not is_new_device(event, profile, since_day):
            return None
        suspicion = _suspicion(place, profile, since_day)
        if suspicion is None or is_corporate(event, self.parameters.corporate):
            return None
        if any(sight.place.network == place.network for sight in seen_today(context, event)):
            return None
        missing = (event.device_id is None) + (place.asn is None)
        return Hit(
            Severity.LOW if self._is_weak(profile, place) else TIERS[missing],
            f"First use of an unknown device in an unknown network, {suspicion}: {describe(place)}",
            f"used from {describe(place)} with {event.agent.family or 'an unknown client'}",
            usual={"countries": ", ".join(sorted(profile.countries)), "clients": ", ".join(sorted(profile.agents))},
            episode=f"{event.app} {event.session_id} {event.time_us // DAY}",
        )

    def _from_a_server(self, event: Event, context: UserContext) -> Hit | None:
        """Judge the first sight of a user of whom no finished day is known."""
        assert isinstance(self.parameters, NewDeviceNewNetworkParameters)
        place = event.place
        if context.profile.newest_day >= 0 or place.network_type not in SERVER_TYPES:
            return None
        # A robot signs in all day; once is enough to know it.
        if context.sights or is_corporate(event, self.parameters.corporate):
            return None
        return Hit(
            Severity.LOW,
            f"First sight of a user in a network where nobody lives: {describe(place)}",
            f"used from {describe(place)} with {event.agent.family or 'an unknown client'}",
            episode=f"first {event.time_us // DAY}",
        )

    def _is_weak(self, profile: Profile, place: Place) -> bool:
        """Say whether it is no more than a sign, which a sensitive act beside it makes grave."""
        assert isinstance(self.parameters, NewDeviceNewNetworkParameters)
        is_habit = profile.anonymised_days(0) >= self.parameters.often
        return not has_learned(profile, self.parameters) or (place.network_type in HIDING_TYPES and is_habit)


def _is_new_network(place: Place, profile: Profile, since_day: int) -> bool:
    if place.network is None or profile.knows_network(place.network, since_day):
        return False
    return place.asn is None or not profile.knows_asn(place.asn, since_day)


def _suspicion(place: Place, profile: Profile, since_day: int) -> str | None:
    if place.network_type in HIDING_TYPES:
        return f"which is of type {place.network_type}"
    if place.country is not None and profile.countries and not profile.knows_country(place.country, since_day):
        return "in a new country"
    return None
