"""The simulated internet: cities, the operators of networks, and the addresses that they hand out.

All addresses lie where nobody can own one: 240.0.0.0/4 (reserved, RFC 1112) and 3fff::/20 (documentation, RFC 9637);
the numbers of the autonomous systems are for private use (RFC 6996). The pipeline learns from `[[networks]]` what
these ranges are.
"""

from __future__ import annotations

import ipaddress
from typing import Literal, NamedTuple

Kind = Literal["home", "mobile", "office", "vpn", "relay", "hosting", "public"]

_FIRST_V4 = int(ipaddress.IPv4Address("240.0.0.0"))
_FIRST_ASN = 4_200_000_000


class City(NamedTuple):
    """A place, with the offset of its clocks from UTC in hours (all year the same, which simplifies)."""

    name: str
    country: str
    lat: float
    lon: float
    offset_h: int


class Address(NamedTuple):
    """An address, and what a location service says of it.

    Attributes:
        city: where the service believes it to be: for a phone the carrier's nearest hub.
    """

    ip: str
    asn: int
    city: City


class Range(NamedTuple):
    """A block of an operator: one IPv4 /16, and one IPv6 /32 where it has IPv6.

    Attributes:
        number: of the block, from which both prefixes follow.
        kind: of network; "public" is what `[[networks]]` has no word for: cafes, hotels, libraries.
        cities: where its customers are, as a location service knows them.
    """

    number: int
    asn: int
    kind: Kind
    cities: tuple[City, ...]
    has_v6: bool

    @property
    def country(self) -> str:
        """The country of all its customers."""
        return self.cities[0].country

    @property
    def cidr_v4(self) -> str:
        """The IPv4 block."""
        return f"{ipaddress.IPv4Address(_FIRST_V4 + (self.number << 16))}/16"

    @property
    def cidr_v6(self) -> str:
        """The IPv6 block."""
        return f"3fff:{self.number:x}::/32"

    def v4(self, city: City, network: int, host: int) -> Address:
        """Return an IPv4 address: network of 0 to 255 is its /24."""
        number = _FIRST_V4 + (self.number << 16) + ((network & 0xFF) << 8) + 1 + host % 254
        ip = f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return Address(ip, self.asn, city)

    def v6(self, city: City, site: int, interface: int) -> Address:
        """Return an IPv6 address: site of 30 bits is its /64, interface of 64 bits the client's own part."""
        # No group is zero, so that the text is the canonical one as it stands.
        high, low = site >> 15 & 0x7FFF | 0x8000, site & 0x7FFF | 0x8000
        groups = (interface >> shift & 0x7FFF | 0x8000 for shift in (48, 32, 16, 0))
        ip = f"3fff:{self.number:x}:{high:x}:{low:x}:" + ":".join(f"{group:x}" for group in groups)
        return Address(ip, self.asn, city)


CITIES = (
    City("Amsterdam", "NL", 52.37, 4.9, 1), City("Rotterdam", "NL", 51.92, 4.48, 1),
    City("Eindhoven", "NL", 51.44, 5.48, 1),
    City("Berlin", "DE", 52.52, 13.4, 1), City("Hamburg", "DE", 53.55, 9.99, 1), City("Munich", "DE", 48.14, 11.58, 1),
    City("Cologne", "DE", 50.94, 6.96, 1),
    City("Paris", "FR", 48.86, 2.35, 1), City("Lyon", "FR", 45.76, 4.84, 1), City("Lille", "FR", 50.63, 3.07, 1),
    City("London", "GB", 51.51, -0.13, 0), City("Manchester", "GB", 53.48, -2.24, 0),
    City("Leeds", "GB", 53.8, -1.55, 0),
    City("Madrid", "ES", 40.42, -3.7, 1), City("Valencia", "ES", 39.47, -0.38, 1),
    City("New York", "US", 40.71, -74.01, -5), City("Chicago", "US", 41.88, -87.63, -6),
    City("San Francisco", "US", 37.77, -122.42, -8),
    City("Rome", "IT", 41.9, 12.5, 1), City("Warsaw", "PL", 52.23, 21.01, 1), City("Istanbul", "TR", 41.01, 28.98, 3),
    City("Sao Paulo", "BR", -23.55, -46.63, -3), City("Mumbai", "IN", 19.08, 72.88, 5),
    City("Hanoi", "VN", 21.03, 105.85, 7),
    City("Lagos", "NG", 6.52, 3.38, 1), City("Moscow", "RU", 55.76, 37.62, 3), City("Tokyo", "JP", 35.68, 139.69, 9),
    City("Singapore", "SG", 1.35, 103.82, 8), City("Toronto", "CA", 43.65, -79.38, -5),
    City("Johannesburg", "ZA", -26.2, 28.05, 2),
)  # fmt: skip
HOME_COUNTRIES = ("NL", "DE", "FR", "GB", "ES", "US")
"""Where the users live; they travel everywhere, and thieves come from everywhere."""
COUNTRIES = tuple(dict.fromkeys(city.country for city in CITIES))
_BY_NAME = {city.name: city for city in CITIES}
CITIES_OF = {country: tuple(city for city in CITIES if city.country == country) for country in COUNTRIES}


class _Registry:
    """Hands out blocks and numbers, one after the other."""

    def __init__(self) -> None:
        self.ranges: list[Range] = []
        self._asn = _FIRST_ASN

    def operator(self) -> int:
        self._asn += 1
        return self._asn

    def block(self, kind: Kind, cities: tuple[City, ...], *, has_v6: bool, asn: int | None = None) -> Range:
        made = Range(len(self.ranges) + 1, self.operator() if asn is None else asn, kind, cities, has_v6)
        self.ranges.append(made)
        return made


def _exits(registry: _Registry, kind: Kind, names: tuple[str, ...]) -> tuple[Range, ...]:
    asn = registry.operator()
    return tuple(registry.block(kind, (_BY_NAME[name],), has_v6=kind != "vpn", asn=asn) for name in names)


_registry = _Registry()
HOMES = {
    country: tuple(_registry.block("home", cities, has_v6=number != 2) for number in range(3))
    for country, cities in CITIES_OF.items()
}
"""Providers of home lines by country; the third knows IPv4 alone."""
CARRIERS = {
    country: tuple(_registry.block("mobile", cities[:2], has_v6=number == 0) for number in range(2))
    for country, cities in CITIES_OF.items()
}
"""Mobile carriers by country: hundreds of phones share an address, and few hubs stand for a whole country."""
OFFICES = {country: _registry.block("office", CITIES_OF[country], has_v6=False) for country in HOME_COUNTRIES}
PUBLIC = {country: _registry.block("public", cities, has_v6=False) for country, cities in CITIES_OF.items()}
VPNS = (
    _exits(_registry, "vpn", ("Amsterdam", "Berlin", "Paris", "London", "New York", "Singapore")),
    _exits(_registry, "vpn", ("Rotterdam", "Munich", "Madrid", "London", "Chicago", "Tokyo", "Sao Paulo")),
    _exits(_registry, "vpn", ("Amsterdam", "Warsaw", "Moscow", "Istanbul", "Toronto", "Lagos")),
)
"""Providers of public VPNs, each with exits in several countries."""
RELAY = _exits(_registry, "relay", ("Amsterdam", "Cologne", "Paris", "London", "Madrid", "New York"))
"""A browser maker's relay, which keeps to the user's country."""
HOSTING = (
    _exits(_registry, "hosting", ("Amsterdam", "New York", "Singapore")),
    _exits(_registry, "hosting", ("Berlin", "Hamburg")),
    _exits(_registry, "hosting", ("Paris", "Warsaw", "Toronto")),
    _exits(_registry, "hosting", ("Moscow", "Hanoi", "Sao Paulo", "Lagos")),
)
"""Providers of rented servers."""
RANGES = tuple(_registry.ranges)
KINDS_BY_ASN = {block.asn: None if block.kind == "public" else block.kind for block in RANGES}
"""The kinds of network as events name them, which have no word for cafes and hotels."""
