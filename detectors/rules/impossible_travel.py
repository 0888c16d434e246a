"""Impossible travel: one user at two places, and no aeroplane is that fast.

Distance is exact where both places have coordinates. Where only the country is known, it is what lies between the
nearest ends of the two, and the alert stays medium: it notifies and never revokes.

Source: MITRE ATT&CK T1078; Azure-Sentinel and panther-analysis (PR 780 on relays and VPNs). 900 km/h is the cruising
speed of an airliner.
Known false positives: a private relay or VPN that nobody named under [[networks]]; a phone whose carrier shows the
user at home while they travel, so that a mobile network on either side is low at most, inside one country info.
"""

from __future__ import annotations

from pydantic import Field

from detectors.context import Use, UserContext
from detectors.distances import Distance, between
from detectors.networks import ANONYMISER_TYPES, EGRESS_TYPES, describe, same_network
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import Event, Place
from schemas.instant import HOUR, SECOND

HIDING_TYPES = (ANONYMISER_TYPES | EGRESS_TYPES | {"satellite"}) - {"hosting"}
"""Networks that say where their exit stands, not where the user is."""

NEAR_KM = 50
"""Closer than this two positions of one town differ by the error of their source."""


class ImpossibleTravelParameters(Parameters):
    """Parameters of impossible-travel."""

    distance_km: float = Field(500, ge=1, le=20_000, description="From which distance on it is travel, kilometres.")
    speed_kmh: float = Field(900, ge=1, le=100_000, description="From which speed on it is impossible, km/h.")
    window: Duration = Field(3 * HOUR, description="How long ago the other use may be.")


class ImpossibleTravel(Rule[UserContext, None]):
    """Two places, too far apart for the time between."""

    id = "impossible-travel"
    title = "User at two places no journey connects"
    key = "user"
    needs = frozenset({"create", "validate"})
    attack = ("T1078",)
    severity = Severity.HIGH
    runbook = (
        "Compare device and agent at both places, and what was done from the farther one.",
        "Benign if one of them is a VPN, a relay or a carrier's exit: name it under [[networks]].",
        "Else ask the user where they are; end the session that is not there and reset the password.",
    )
    repeats = False
    Parameters = ImpossibleTravelParameters

    def on_event(self, event: Event, context: UserContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge a successful use."""
        if event.place.network is None or not context.uses:
            return None
        if context.uses[-1].place == event.place:
            # Judged when the user came here; only a change is news.
            return None
        found = self._farthest(event, context, app)
        if found is None:
            return None
        use, distance = found
        minutes = abs(event.time_us - use.last_us) // (60 * SECOND)
        return Hit(
            self.tier(use.place, event.place, distance),
            f"{distance.km:.0f} km in {minutes} min, from {describe(use.place)} to {describe(event.place)}"
            + ("" if distance.exact else ", by country alone"),
            f"used from {describe(event.place)}",
            evidence=(Evidence(use.event_id, use.last_us, f"used from {describe(use.place)}"),),
            usual={"network": describe(use.place)},
            confidence=0.9 if distance.exact else 0.5,
        )

    def tier(self, before: Place, now: Place, distance: Distance) -> Severity:
        """Return the severity of a journey; whatever makes a place uncertain lowers it."""
        types = {before.network_type, now.network_type}
        if types & HIDING_TYPES or ("mobile" in types and before.country == now.country):
            # A carrier's addresses say where its exit stands, anywhere in the country.
            return Severity.INFO
        if distance.km < NEAR_KM or "mobile" in types:
            return Severity.LOW
        if not distance.exact or "hosting" in types:
            # VPN exits stand in hosting networks that no list knows.
            return Severity.MEDIUM
        return Severity.HIGH

    def _farthest(self, event: Event, context: UserContext, app: AppPolicy) -> tuple[Use, Distance] | None:
        """Return the use that is worst to reach this event from, with its distance."""
        assert isinstance(self.parameters, ImpossibleTravelParameters)
        found: tuple[Use, Distance] | None = None
        worst = (-1, 0.0)
        for use in context.uses:
            apart_us = abs(event.time_us - use.last_us)
            if apart_us > self.parameters.window or same_network(use, event):
                continue
            distance = between(use.place, event.place)
            if distance is None or distance.km < self.parameters.distance_km:
                continue
            # The clocks of two servers may differ: whatever that explains is no speed.
            hours = max(apart_us + app.clock_skew_us, SECOND) / HOUR
            if distance.km / hours < self.parameters.speed_kmh:
                continue
            order = (self.tier(use.place, event.place, distance).rank, distance.km)
            if order > worst:
                found, worst = (use, distance), order
        return found
