"""Shared credentials: one account live at two distant places in most hours of a week, each on a device of its own; or
in use by two households in turn, for days.

A thief comes once and a traveller is at one place at a time; only people who share a password are at two for days.
Networks of one place are one place, so that a family is too.

A household is a home line's provider with the devices that come by it, since lines change their address over night; one
device that comes by both makes them one. Two households count where one goes on for days and the other is used
meanwhile, on two days or known from before. They are two people at once, and medium, where that happened on two days
faster than anybody travels.

Source: MITRE ATT&CK T1078; panther-analysis has the idea with addresses.
Known false positives: a computer at home that keeps a page alive while its owner is away for a week; a second home with
a computer of its own, where the phone never joins the network. Networks that hide the place, offices and carriers do
not count. A user without any event for a day begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from pydantic import Field

from detectors.context import UserContext
from detectors.distances import between
from detectors.networks import ANONYMISER_TYPES, EGRESS_TYPES, describe
from detectors.parameters import Duration, Parameters
from detectors.profile import Profile
from detectors.rule import Hit, Rule
from detectors.windows import WindowMemory
from schemas.alert import MAX_EVIDENCE, Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import Agent, Event, Place
from schemas.instant import DAY, HOUR

WEEK_HOURS = 7 * 24

MAX_SPOTS = 8
"""Devices at places remembered of a user; the one not seen for longest goes first."""

MAX_SEEN = 9
"""Uses of a device at a place that are named as evidence: the newest, one an hour at most."""

TRAVEL_KMH = 900
"""Faster than airliners, as in `impossible-travel`."""

PLACELESS_TYPES = ANONYMISER_TYPES | EGRESS_TYPES | {"satellite", "mobile"}


class CredentialSharingParameters(Parameters):
    """Parameters of credential-sharing."""

    distance_km: float = Field(300, ge=1, le=20_000, description="From which distance on two places are distant.")
    hours: int = Field(24, ge=2, le=WEEK_HOURS, description="How many hours with any use must be known.")
    days: int = Field(3, ge=1, le=7, description="Over how many days they must spread.")
    live: Duration = Field(6 * HOUR, description="How long after its last use a device counts as live, in whole hours.")
    share: float = Field(0.5, gt=0, le=1, description="In which share of these hours two places must be live.")
    stable_hours: int = Field(8, ge=1, le=WEEK_HOURS, description="In how many hours a device counts as stable.")


class Spot(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A device at a place.

    Attributes:
        house: the provider of the home line; 0 = it is none, or the provider is not known.
        known: the user had come by that provider before.
        seen: its newest uses: event id and time, microseconds.
    """

    place: Place
    client: str
    newest_hour: int
    house: int = 0
    known: bool = False
    seen: tuple[tuple[str, int], ...] = ()


class CredentialSharingMemory(WindowMemory):
    """A week of a user.

    Attributes:
        spots: devices at places; the bits of `hours` count them.
        apart: for each spot, as bits, those that are distant from it.
        hours: which spots were in use, as bits, by hour number since the epoch; at most a week of them.
    """

    spots: tuple[Spot, ...] = ()
    apart: tuple[int, ...] = ()
    hours: dict[int, int] = msgspec.field(default_factory=dict)


class CredentialSharing(Rule[UserContext, CredentialSharingMemory]):
    """Two distant places in use for days."""

    id = "credential-sharing"
    version = 2
    title = "Account shared by people in distant places"
    key = "user"
    needs = frozenset({"create", "validate"})
    attack = ("T1078",)
    severity = Severity.MEDIUM
    runbook = (
        "Look at the two places and their devices, and at the hours in which both are in use.",
        "Benign if the user has a computer at both and leaves one running.",
        "Else talk to the user: an account of one's own costs less than a stolen shared one.",
    )
    repeats = False
    memory = CredentialSharingMemory
    dedup_us = DAY
    Parameters = CredentialSharingParameters

    def on_event(
        self, event: Event, context: UserContext, memory: CredentialSharingMemory, app: AppPolicy
    ) -> Hit | None:
        """Note where the hour's uses come from; judge when that is news."""
        if event.place.network is None or event.place.network_type in PLACELESS_TYPES:
            return None
        if event.place.country is None and event.place.lat is None:
            return None
        assert isinstance(self.parameters, CredentialSharingParameters)
        hour = event.time_us // HOUR
        seat = self._seat(event, context.profile, memory, hour)
        mask = memory.hours.get(hour, 0)
        if mask >> seat & 1:
            return None
        if not mask:
            _drop_before(memory, hour - WEEK_HOURS)
        memory.hours[hour] = mask | 1 << seat
        # Nearly everybody is at one place, and that is known already.
        live = self._live(event, memory) if any(memory.apart) else None
        return live or self._in_turn(event, memory)

    def _seat(self, event: Event, profile: Profile, memory: CredentialSharingMemory, hour: int) -> int:
        """Return the number of the spot of an event, a new one where it is not known."""
        client, house = event.device_id or _named(event.agent), _house(event.place)
        spots = list(memory.spots)
        for seat, spot in enumerate(spots):
            if spot.client == client and spot.house == house and not self._distant(spot.place, event.place):
                if hour > spot.newest_hour:
                    seen = (*spot.seen, (event.event_id, event.time_us))[-MAX_SEEN:]
                    spots[seat] = msgspec.structs.replace(spot, newest_hour=hour, seen=seen)
                    memory.spots = tuple(spots)
                return seat
        seat = len(spots)
        met = Spot(event.place, client, hour, house, profile.knows_asn(house), ((event.event_id, event.time_us),))
        if seat < MAX_SPOTS:
            spots.append(met)
        else:
            seat = min(range(MAX_SPOTS), key=lambda number: (spots[number].newest_hour, number))
            spots[seat] = met
            for known, mask in memory.hours.items():
                memory.hours[known] = mask & ~(1 << seat)
        memory.spots = tuple(spots)
        memory.apart = tuple(
            sum(1 << other for other, spot in enumerate(spots) if self._distant(spot.place, one.place)) for one in spots
        )
        return seat

    def _live(self, event: Event, memory: CredentialSharingMemory) -> Hit | None:
        """Judge whether distant places are live in most hours."""
        assert isinstance(self.parameters, CredentialSharingParameters)
        observed = [hour for hour, mask in memory.hours.items() if mask]
        if len(observed) < self.parameters.hours or (max(observed) - min(observed)) < (self.parameters.days - 1) * 24:
            return None
        apart = self._stable(memory)
        live = range(max(1, self.parameters.live // HOUR))
        shared = 0
        for hour in observed:
            mask = 0
            for ago in live:
                mask |= memory.hours.get(hour - ago, 0)
            shared += _both(mask, apart)
        if shared <= self.parameters.share * len(observed):
            return None
        far = [memory.spots[seat] for seat, others in enumerate(apart) if others]
        places = sorted({describe(spot.place) for spot in far})
        return Hit(
            Severity.LOW,
            f"Live at distant places in {shared} of {len(observed)} hours: {', '.join(places[:4])}",
            f"used from {describe(event.place)}, while also in use elsewhere",
            evidence=_evidence(far, event),
        )

    def _in_turn(self, event: Event, memory: CredentialSharingMemory) -> Hit | None:
        """Judge whether two households use the account in turn."""
        assert isinstance(self.parameters, CredentialSharingParameters)
        if len({spot.house for spot in memory.spots if spot.house}) < 2:
            return None
        houses = households(memory.spots)
        for one in houses:
            days = _days(memory, one)
            if len(days) < self.parameters.days:
                continue
            for other in houses:
                meanwhile = [hour for hour in _hours(memory, other) if days[0] * 24 <= hour < days[-1] * 24 + 24]
                known = len(_days(memory, other)) > 1 or any(memory.spots[seat].known for seat in other)
                if other is not one and meanwhile and known:
                    return self._households(event, memory, one, other, len(days))
        return None

    def _households(
        self, event: Event, memory: CredentialSharingMemory, one: list[int], other: list[int], days: int
    ) -> Hit:
        spots = [memory.spots[seat] for seat in (*one, *other)]
        places = ", ".join(sorted({describe(spot.place) for spot in spots})[:4])
        at_once = len({hour // 24 for hour in self._at_once(memory, one, other)}) > 1
        return Hit(
            Severity.MEDIUM if at_once else Severity.LOW,
            f"In use by two households for {days} days" + (", at once" if at_once else " in turn") + f": {places}",
            f"used from {describe(event.place)}",
            evidence=_evidence(spots, event),
        )

    def _at_once(self, memory: CredentialSharingMemory, one: list[int], other: list[int]) -> Iterator[int]:
        """Yield the hours of one household that nobody could have reached from the other."""
        distance = between(memory.spots[one[0]].place, memory.spots[other[0]].place)
        if distance is None:
            return
        there = _hours(memory, other)
        # Two hours of the clock lie up to an hour further apart than their numbers say.
        for hour in _hours(memory, one):
            if any((abs(hour - away) + 1) * TRAVEL_KMH < distance.km for away in there):
                yield hour

    def _stable(self, memory: CredentialSharingMemory) -> list[int]:
        """Return for each spot, as bits, the stable ones that are distant from it; none where it is not stable."""
        assert isinstance(self.parameters, CredentialSharingParameters)
        counts = [sum(mask >> seat & 1 for mask in memory.hours.values()) for seat in range(len(memory.spots))]
        stable = [count >= self.parameters.stable_hours for count in counts]
        kept = sum(1 << seat for seat, is_stable in enumerate(stable) if is_stable)
        return [others & kept if stable[seat] else 0 for seat, others in enumerate(memory.apart)]

    def _distant(self, one: Place, other: Place) -> bool:
        assert isinstance(self.parameters, CredentialSharingParameters)
        distance = between(one, other)
        return distance is not None and distance.km >= self.parameters.distance_km


def _named(agent: Agent) -> str:
    return f"{agent.family} on {agent.os}"


def _house(place: Place) -> int:
    return (place.asn or 0) if place.network_type == "home" else 0


def households(spots: Sequence[Spot]) -> list[list[int]]:
    """Return the spots of home lines by household: those of one provider or one device belong together."""
    found: list[list[int]] = []
    for seat, spot in enumerate(spots):
        if not spot.house:
            continue
        mine, rest = [seat], []
        for house in found:
            meets = any(spots[known].house == spot.house or spots[known].client == spot.client for known in house)
            if meets:
                mine = house + mine
            else:
                rest.append(house)
        found = [*rest, mine]
    return found


def _hours(memory: CredentialSharingMemory, seats: list[int]) -> list[int]:
    wanted = sum(1 << seat for seat in seats)
    return sorted(hour for hour, mask in memory.hours.items() if mask & wanted)


def _days(memory: CredentialSharingMemory, seats: list[int]) -> list[int]:
    return sorted({hour // 24 for hour in _hours(memory, seats)})


def _evidence(spots: Sequence[Spot], event: Event) -> tuple[Evidence, ...]:
    seen = {
        event_id: Evidence(event_id, time_us, f"used from {describe(spot.place)}")
        for spot in spots
        for event_id, time_us in spot.seen
        if event_id != event.event_id
    }
    return tuple(sorted(seen.values(), key=lambda one: (one.time_us, one.event_id))[-MAX_EVIDENCE:])


def _drop_before(memory: CredentialSharingMemory, hour: int) -> None:
    for old in [known for known in memory.hours if known <= hour]:
        del memory.hours[old]


def _both(mask: int, apart: list[int]) -> bool:
    return any(mask >> seat & 1 and mask & others for seat, others in enumerate(apart))
