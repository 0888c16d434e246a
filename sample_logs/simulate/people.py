"""The people of the simulated month: where they live and work, what they own, and how they go about it."""

from __future__ import annotations

import math
import random
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import cycle, islice

from sample_logs.simulate.chance import Weighted, chance_of, mix, poisson, share
from sample_logs.simulate.internet import (
    CARRIERS,
    CITIES,
    CITIES_OF,
    HOMES,
    RELAY,
    VPNS,
    Address,
    City,
    Range,
)
from sample_logs.simulate.society import Society

_COUNTRY = Weighted([("NL", 0.3), ("DE", 0.28), ("FR", 0.12), ("GB", 0.14), ("ES", 0.07), ("US", 0.09)])
_HOUSEHOLD = Weighted([(1, 0.38), (2, 0.33), (3, 0.13), (4, 0.16)])
_LAPTOP = Weighted(
    [
        ("chrome-windows", 0.4), ("edge-windows", 0.14), ("firefox-windows", 0.12), ("chrome-mac", 0.14),
        ("safari-mac", 0.14), ("firefox-linux", 0.03), ("chrome-linux", 0.03),
    ]
)  # fmt: skip
_WORK = Weighted([("chrome-windows", 0.5), ("edge-windows", 0.35), ("chrome-mac", 0.15)])
_PHONE = Weighted([("safari-iphone", 0.5), ("chrome-android", 0.5)])


@dataclass(frozen=True, slots=True)
class Device:
    """A phone, laptop, tablet or computer at work.

    Attributes:
        number: of its own among all devices.
        client: the browser's name in `agents.CLIENTS`.
        app: the shop's app on it, likewise; None without.
        named: apps may name it by a cookie of their own; who blocks or clears cookies has no device id.
        v6: uses IPv6 where there is any.
        binds: its browser can bind a session to the device.
    """

    number: int
    client: str
    app: str | None
    named: bool
    v6: bool
    binds: bool

    @property
    def form(self) -> str:
        """Phone, laptop or tablet."""
        if self.app is not None or self.client in ("safari-iphone", "chrome-android"):
            return "phone"
        return "tablet" if self.client == "safari-ipad" else "laptop"

    def id_for(self, app: str) -> str | None:
        """Return the name that an app has given it."""
        return f"d-{mix(self.number, *app.encode()):016x}" if self.named else None


@dataclass(frozen=True, slots=True)
class Home:
    """A home line, shared by a family.

    Attributes:
        lease_days: how long the provider leaves it the same prefix.
    """

    number: int
    city: City
    provider: Range
    lease_days: int

    def v4(self, day: int) -> Address:
        """Return the line's IPv4 address on a day."""
        place = mix(self.number, 4, day // self.lease_days)
        return self.provider.v4(self.city, place >> 8, place)

    def v6(self, device: int, day: int) -> Address | None:
        """Return a device's IPv6 address on a day: the prefix is the line's, the rest is made anew each day."""
        if not self.provider.has_v6:
            return None
        site = mix(self.number, 6, day // self.lease_days)
        return self.provider.v6(self.city, site, mix(self.number, device, day))


@dataclass(frozen=True, slots=True)
class Trip:
    """Days in another city.

    Attributes:
        roams_home: the phone's carrier carries its traffic home first, as most do.
    """

    first_day: int
    last_day: int
    city: City
    roams_home: bool


@dataclass(slots=True)
class Person:
    """One user. What does not change comes first; the last fields are what a month makes of it.

    Attributes:
        index: among all people.
        works: crm and wiki by single sign-on, at an office or from home.
        office: the number of the office; hundreds share one.
        wake_h, sleep_h: local hours; beyond 24 is the next day.
        visits: private visits a day, on average.
        minutes: of a visit, the median.
        forgets: share of sign-ins that begin with a wrong password.
        logs_out: share of visits that end by signing out.
        hops: the phone leaves the Wi-Fi often.
        vpn: provider and exit of somebody who uses a public VPN; None for most.
        relay: the browser hides behind its maker's relay.
        dormant: signs in at most once in the month, after a long time.
        shop_session, shop_generation, shop_used_us, shop_refreshed_us: of the app's token family.
    """

    index: int
    user_id: str
    home: Home
    carrier: Range
    phone: Device
    laptop: Device | None
    tablet: Device | None
    work: Device | None
    works: bool
    office: int
    wake_h: float
    sleep_h: float
    visits: float
    forgets: float
    logs_out: float
    hops: bool
    vpn: tuple[int, int] | None
    relay: bool
    dormant: bool
    trip: Trip | None
    minutes: float
    shop_session: str | None = None
    shop_generation: int = 0
    shop_used_us: int = 0
    shop_refreshed_us: int = 0
    stale: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By app and browser: a session that ended without the browser knowing, and when it was last used."""

    @property
    def city(self) -> City:
        """Where the person lives."""
        return self.home.city

    def travels(self, day: int) -> Trip | None:
        """Return the trip that this day belongs to."""
        trip = self.trip
        return trip if trip is not None and trip.first_day <= day <= trip.last_day else None


def population(seed: int, users: int, days: int, society: Society) -> list[Person]:
    """Return the people.

    Args:
        seed: of the month.
        users: how many.
        days: of the month, for their trips.
        society: how they are on average.
    """
    chance = chance_of(seed, "people")
    people: list[Person] = []
    while len(people) < users:
        home = _home(chance, len(people))
        for _ in range(min(_HOUSEHOLD.draw(chance), users - len(people))):
            people.append(_person(chance, seed, len(people), home, days, society))
    return people


def reserved_person(name: str) -> Person:
    """Return somebody for a drill: a person like others under a name that is set aside."""
    chance = chance_of("drill", name)
    home = Home(chance.getrandbits(32), CITIES[0], HOMES["NL"][0], 30)
    person = _person(chance, 0, chance.getrandbits(30), home, 30, Society())
    person.user_id = name
    return person


def draw_client(chance: random.Random, but: Collection[str] = ()) -> str:
    """Return a browser, as often as people have it, that is none of some others."""
    while True:
        drawn = (_PHONE if chance.random() < 0.5 else _LAPTOP).draw(chance)
        if drawn not in but:
            return drawn


def _home(chance: random.Random, number: int) -> Home:
    country = _COUNTRY.draw(chance)
    return Home(
        number,
        chance.choice(CITIES_OF[country]),
        chance.choice(HOMES[country]),
        # In Germany many lines get another prefix each night; elsewhere it stays for weeks.
        chance.choice((1, 7, 30)) if country == "DE" else chance.choice((14, 30, 60)),
    )


def _person(chance: random.Random, seed: int, index: int, home: Home, days: int, society: Society) -> Person:
    number = mix(seed, index) >> 16
    phone = _PHONE.draw(chance)
    shop_app = "app-iphone" if phone == "safari-iphone" else "app-android"
    works = chance.random() < society.works
    wake = chance.gauss(7.0, 0.9)
    # Nurses, guards and night owls live by other hours.
    if chance.random() < society.night:
        wake += chance.uniform(5, 12)
    return Person(
        index=index,
        user_id=f"u{mix(seed, index, 7) % 10**8:08d}",
        home=home,
        carrier=chance.choice(CARRIERS[home.city.country]),
        phone=_device(chance, society, number, phone, shop_app if share(number) < 0.7 else None),
        laptop=_device(chance, society, number + 1, _LAPTOP.draw(chance)) if chance.random() < society.laptop else None,
        tablet=_device(chance, society, number + 2, "safari-ipad") if chance.random() < society.tablet else None,
        work=_device(chance, society, number + 3, _WORK.draw(chance)) if works else None,
        works=works,
        office=mix(seed, index // society.office, 11) % 200,
        wake_h=wake,
        sleep_h=wake + chance.gauss(16, 0.6),
        visits=min(3.0, chance.lognormvariate(math.log(society.visits), 0.7)),
        forgets=0.15 if chance.random() < society.forgets else 0.03,
        logs_out=chance.betavariate(2, 2),
        hops=chance.random() < society.hops,
        vpn=_vpn(chance) if chance.random() < society.vpn else None,
        relay=chance.random() < society.relay and phone == "safari-iphone",
        dormant=chance.random() < society.dormant,
        trip=_trip(chance, home.city, days) if chance.random() < society.travels else None,
        minutes=society.minutes,
    )  # fmt: skip


def _device(chance: random.Random, society: Society, number: int, client: str, app: str | None = None) -> Device:
    return Device(
        number,
        client,
        app,
        named=chance.random() < society.named,
        v6=chance.random() < society.v6,
        binds=client in ("chrome-windows", "edge-windows") and chance.random() < 0.4,
    )


def _vpn(chance: random.Random) -> tuple[int, int]:
    provider = chance.randrange(len(VPNS))
    return provider, chance.randrange(len(VPNS[provider]))


def _trip(chance: random.Random, home: City, days: int) -> Trip:
    first = chance.randrange(max(1, days))
    length = 1 + poisson(chance, 3.5)
    near = [city for city in CITIES if city.country == home.country and city != home]
    far = [city for city in CITIES if city.country != home.country]
    city = chance.choice(near if near and chance.random() < 0.35 else far)
    return Trip(first, first + length, city, roams_home=chance.random() < 0.6)


def near_relay(country: str) -> Range:
    """Return the relay's exit for a country: its own, or the next one."""
    return next((one for one in RELAY if one.country == country), RELAY[0])


def neighbours(people: list[Person], after: int, count: int) -> list[Person]:
    """Return so many people, in a circle, beginning after one of them."""
    return list(islice(cycle(people), after, after + min(count, len(people))))
