"""The networks that the demo's people and thieves come from: ranges set aside for examples and benchmarks.

RFC 5737 (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24), RFC 2544 (198.18.0.0/15), RFC 3849 (2001:db8::/32);
the numbers of the autonomous systems are those of RFC 5398. None of them exists in the real internet.
"""

from __future__ import annotations

from typing import NamedTuple


class Network(NamedTuple):
    """One range, as it stands under `[[networks]]`.

    Attributes:
        cidr: the range.
        kind: as in `[[networks]] type`.
        asn: its autonomous system.
        country: ISO 3166-1 alpha-2.
    """

    cidr: str
    kind: str
    asn: int
    country: str


HOMES = Network("198.18.0.0/17", "home", 64496, "NL")
HOMES_V6 = Network("2001:db8:1::/48", "home", 64496, "NL")
CARRIER = Network("198.18.128.0/17", "mobile", 64497, "NL")
OFFICE = Network("192.0.2.0/24", "office", 64498, "NL")
ABROAD = Network("198.19.0.0/16", "home", 64499, "CA")
HOSTING = Network("203.0.113.0/24", "hosting", 64500, "SG")

NETWORKS = (HOMES, HOMES_V6, CARRIER, OFFICE, ABROAD, HOSTING)


def home_address(house: int) -> str:
    """Return an IPv4 address in the network of one home, of 1 to 127."""
    return f"198.18.{house}.10"


def home_address_v6(house: int, device: int = 0x10) -> str:
    """Return the IPv6 address of a device in the network of one home."""
    return f"2001:db8:1:{house:x}::{device:x}"


def carrier_address(phone: int) -> str:
    """Return the address that the carrier gives a phone, of 1 to 127."""
    return f"198.18.{128 + phone}.20"


def office_address() -> str:
    """Return the one address by which everybody leaves the office."""
    return "192.0.2.1"


def abroad_address(number: int) -> str:
    """Return an address in a home in another country."""
    return f"198.19.{number % 250}.30"


def hosting_address(number: int) -> str:
    """Return the address of a rented server."""
    return f"203.0.113.{10 + number % 200}"
