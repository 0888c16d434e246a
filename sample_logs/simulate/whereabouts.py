"""Where a person is in the hours of a day, and by which addresses a device is seen from there."""

from __future__ import annotations

import random
from dataclasses import dataclass

from sample_logs.simulate.chance import mix
from sample_logs.simulate.internet import CARRIERS, OFFICES, PUBLIC, VPNS, Address, City
from sample_logs.simulate.people import Device, Person, near_relay
from schemas.instant import DAY, HOUR, MINUTE

STAYS_ON_V6 = 0.9
"""How likely a dual-stack client keeps the family of its last connection."""


@dataclass(frozen=True, slots=True)
class Line:
    """How a device is seen from one place: by IPv4, IPv6, or both in turn."""

    v4: Address | None
    v6: Address | None = None

    def first(self, chance: random.Random) -> Address:
        """Return the address of the first connection."""
        if self.v6 is not None and (self.v4 is None or chance.random() < 0.8):
            return self.v6
        assert self.v4 is not None
        return self.v4

    def next(self, chance: random.Random, last: Address) -> Address:
        """Return the address of a further connection."""
        if self.v4 is None or self.v6 is None:
            return self.first(chance)
        if last not in (self.v4, self.v6):
            return self.first(chance)
        if chance.random() < STAYS_ON_V6:
            return last
        return self.v4 if last is self.v6 else self.v6


@dataclass(frozen=True, slots=True)
class Stay:
    """A stretch of a day at one place.

    Attributes:
        until_us: when it ends.
        kind: home, mobile, office or public.
        number: tells places of a kind, and attachments to a carrier, apart.
    """

    until_us: int
    kind: str
    city: City
    number: int


class Whereabouts:
    """A person's day.

    Args:
        person: who.
        day: which, from 0.
        begins_us: local midnight, in microseconds since the epoch.
        chance: of this day.
    """

    def __init__(self, person: Person, day: int, begins_us: int, chance: random.Random) -> None:
        self.person = person
        self.day = day
        self.begins_us = begins_us
        self.trip = person.travels(day)
        # The month begins on a Monday.
        self.weekend = day % 7 >= 5
        self.at_office = person.works and not self.weekend and self.trip is None and chance.random() < 0.62
        self.wakes_us = begins_us + int(person.wake_h * HOUR)
        self.sleeps_us = begins_us + int(person.sleep_h * HOUR)
        self._stays = self._plan(chance)
        self._uses_vpn = person.vpn is not None and chance.random() < 0.6
        self._chance = chance

    def stay(self, time_us: int) -> Stay:
        """Return where the person is."""
        return next((stay for stay in self._stays if time_us < stay.until_us), self._stays[-1])

    def line(self, device: Device, stay: Stay) -> Line:
        """Return how a device is seen from a place."""
        person = self.person
        private = device is not person.work
        if self._uses_vpn and private and person.vpn is not None:
            return vpn_line(person.vpn, mix(person.index, self.day))
        if person.relay and device.client.startswith("safari") and stay.kind != "office":
            return relay_line(stay.city, self._chance.getrandbits(40))
        if stay.kind == "office":
            return office_line(person, stay.city)
        if not private and stay.kind != "public" and person.index % 2:
            # A company's tunnel leaves where its office does.
            return office_line(person, person.city)
        if stay.kind == "mobile":
            return self._mobile(device, stay)
        if stay.kind == "public":
            return public_line(stay.city, stay.number)
        return home_line(person, device, self.day)

    def _mobile(self, device: Device, stay: Stay) -> Line:
        abroad = self.trip is not None and not self.trip.roams_home
        carrier = CARRIERS[stay.city.country][stay.number % 2] if abroad else self.person.carrier
        hub = carrier.cities[mix(self.person.index, 3) % len(carrier.cities)]
        attachment = mix(self.person.index, stay.number)
        v6 = carrier.v6(hub, attachment >> 4, mix(device.number, attachment)) if carrier.has_v6 and device.v6 else None
        # A few dozen addresses for everybody: many phones share each.
        return Line(carrier.v4(hub, 8 * carrier.cities.index(hub) + attachment % 2, attachment >> 8 & 15), v6)

    def _plan(self, chance: random.Random) -> list[Stay]:
        ends = self.begins_us + 2 * DAY
        if self.trip is not None:
            return self._away(chance, self.trip.city, ends)
        city, home = self.person.city, "home"
        if self.at_office:
            leaves = self.wakes_us + int(chance.uniform(0.6, 1.5) * HOUR)
            way = int(chance.uniform(10, 60) * MINUTE)
            back = leaves + way + int(chance.gauss(8.6, 0.6) * HOUR)
            return [
                Stay(leaves, home, city, 0),
                Stay(leaves + way, "mobile", city, chance.getrandbits(40)),
                Stay(back, "office", city, self.person.office),
                Stay(back + way, "mobile", city, chance.getrandbits(40)),
                Stay(ends, home, city, 0),
            ]
        stays: list[Stay] = []
        if chance.random() < (0.75 if self.weekend else 0.55):
            leaves = self.wakes_us + int(chance.uniform(2, 10) * HOUR)
            out = leaves + int(chance.uniform(0.5, 4) * HOUR)
            stays.append(Stay(leaves, home, city, 0))
            if chance.random() < 0.3:
                stays.append(Stay(leaves + 30 * MINUTE, "mobile", city, chance.getrandbits(40)))
                stays.append(Stay(out - 20 * MINUTE, "public", city, chance.randrange(60)))
            stays.append(Stay(out, "mobile", city, chance.getrandbits(40)))
        return [*stays, Stay(ends, home, city, 0)]

    def _away(self, chance: random.Random, city: City, ends: int) -> list[Stay]:
        hotel = self.person.index % 60
        noon = self.begins_us + int(chance.uniform(9, 12) * HOUR)
        out = noon + int(chance.uniform(2, 7) * HOUR)
        return [
            Stay(noon, "public", city, hotel),
            Stay(out, "mobile", city, chance.getrandbits(40)),
            Stay(ends, "public", city, hotel),
        ]


def home_line(person: Person, device: Device, day: int) -> Line:
    """Return how a device is seen from its owner's home."""
    home = person.home
    return Line(home.v4(day), home.v6(device.number, day) if device.v6 else None)


def office_line(person: Person, city: City) -> Line:
    """Return how everybody in an office is seen: by one address, or a second one when the first is busy."""
    egress = OFFICES[person.city.country]
    return Line(egress.v4(city, person.office, mix(person.index) % 2))


def vpn_line(chosen: tuple[int, int], number: int) -> Line:
    """Return how a user of a public VPN is seen: exits are few and shared."""
    provider = VPNS[chosen[0]]
    exit_range = provider[(chosen[1] if number % 5 else number >> 8) % len(provider)]
    return Line(exit_range.v4(exit_range.cities[0], number % 6, number >> 16 & 31))


def relay_line(city: City, number: int) -> Line:
    """Return how somebody behind the browser maker's relay is seen: another address each session."""
    relay = near_relay(city.country)
    return Line(
        relay.v4(relay.cities[0], number & 15, number >> 4 & 127), relay.v6(relay.cities[0], number & 63, number)
    )


def public_line(city: City, number: int) -> Line:
    """Return how guests of a cafe, hotel or library are seen."""
    return Line(PUBLIC[city.country].v4(city, mix(number, *city.name.encode()), number))
