"""Where an address stands: its network, and country, autonomous system and kind as far as they are known."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import iptocc
import msgspec

from ingest.geo_files import Facts, GeoFiles
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


_UNKNOWN = KnownNetwork("")
_NOTHING = Facts()


class Places:
    """Looks addresses up.

    What the operator named wins, then what the emitter gave, then the operator's MMDB files, then the offline country
    list.

    Args:
        known: the operator's networks; of several that hold an address the narrowest counts.
        files: the operator's MMDB files; None = there are none.
    """

    def __init__(self, known: Iterable[KnownNetwork] = (), files: GeoFiles | None = None) -> None:
        self._files = files
        self._by_length: dict[tuple[int, int], dict[int, KnownNetwork]] = {}
        for network in known:
            cidr = ipaddress.ip_network(network.cidr)
            place = self._by_length.setdefault((cidr.version, cidr.prefixlen), {})
            place[int(cidr.network_address)] = network
        self._lengths = sorted(self._by_length, reverse=True)
        self._cache: dict[str, tuple[Place, Place]] = {}

    def renew(self) -> None:
        """Look now and then whether a file has changed; what is found from then on is by the new one."""
        if self._files is not None and self._files.renew():
            self._cache.clear()

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
        known = self._known(address) or _UNKNOWN
        found = self._files.of(ip) if self._files is not None else _NOTHING
        place = msgspec.structs.replace(
            given,
            network=str(ipaddress.ip_network((address, bits), strict=False)),
            version=address.version,
            country=known.country or given.country or found.country or iptocc.country_code(ip),
            asn=known.asn if known.asn is not None else given.asn if given.asn is not None else found.asn,
            network_type=known.type or given.network_type or found.network_type,
        )
        # A position in another country than the one that counts is no position.
        if given.lat is not None or found.lat is None or found.country not in (None, place.country):
            return place
        return msgspec.structs.replace(
            place, region=found.region, city=found.city, lat=found.lat, lon=found.lon, precision="exact"
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
