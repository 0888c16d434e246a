"""Where an address stands: its network, and country, autonomous system and kind as far as they are known."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import iptocc
import msgspec

from schemas.event import NOWHERE, Place

IPV4_NETWORK_BITS = 24
IPV6_NETWORK_BITS = 64
"""Privacy addresses rotate inside a /64, and carriers and offices share a /24 (detections, "network")."""

_CACHE = 100_000


class KnownNetwork(msgspec.Struct, frozen=True):
    """A network that the operator has named under ``[[networks]]``."""

    cidr: str
    type: str | None = None
    asn: int | None = None
    country: str | None = None
    owner: str | None = None


class Places:
    """Looks addresses up.

    What the operator named wins, then what the emitter gave, then the offline country list.

    Args:
        known: the operator's networks; of several that hold an address the narrowest counts.
    """

    def __init__(self, known: Iterable[KnownNetwork] = ()) -> None:
        self._by_length: dict[tuple[int, int], dict[int, KnownNetwork]] = {}
        for network in known:
            cidr = ipaddress.ip_network(network.cidr)
            place = self._by_length.setdefault((cidr.version, cidr.prefixlen), {})
            place[int(cidr.network_address)] = network
        self._lengths = sorted(self._by_length, reverse=True)
        self._cache: dict[str, tuple[Place, Place]] = {}

    def of(self, ip: str | None, given: Place = NOWHERE) -> Place:
        """Return the place of an address; as a rule one object for the same address and gift.

        Args:
            ip: in canonical form; None = unknown.
            given: what the emitter said of it, where that is trusted.
        """
        if ip is None:
            return given
        known = self._cache.get(ip)
        if known is not None and (known[0] is given or known[0] == given):
            return known[1]
        if len(self._cache) >= _CACHE:
            self._cache.clear()
        place = self._look_up(ip, given)
        if known is not None and known[1] == place:
            place = known[1]
        self._cache[ip] = given, place
        return place

    def _look_up(self, ip: str, given: Place) -> Place:
        address = ipaddress.ip_address(ip)
        bits = IPV4_NETWORK_BITS if address.version == 4 else IPV6_NETWORK_BITS
        known = self._known(address)
        country = known.country if known and known.country else given.country
        return msgspec.structs.replace(
            given,
            network=str(ipaddress.ip_network((address, bits), strict=False)),
            version=address.version,
            country=country or iptocc.country_code(ip),
            asn=known.asn if known and known.asn is not None else given.asn,
            network_type=(known.type if known and known.type else None) or given.network_type,
        )

    def _known(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> KnownNetwork | None:
        for version, length in self._lengths:
            if version != address.version:
                continue
            shift = address.max_prefixlen - length
            found = self._by_length[version, length].get(int(address) >> shift << shift)
            if found is not None:
                return found
        return None
