"""What MMDB files of the operator say of addresses: GeoIP2 and GeoLite2, and whatever is laid out as they are.

The files are opened again when they change, so that a weekly update needs no restart. Update tools put a new file in
the old one's place by renaming, and so must whoever copies one by hand: an open file is read where it lies.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import maxminddb
import msgspec
import structlog

LOOK_S = 60.0
"""Seconds between two looks whether a file has changed."""

WIDEST_KM = 100
"""A position that is good to within more is none: the middle of the country says as much.

Source: `accuracy_radius` of GeoIP2, kilometres around the position within which the address is likely to be.
"""

_COUNTRY = re.compile(r"[A-Z]{2}").fullmatch
_LONGEST_NAME = 200
_USERS = {
    "hosting": "hosting", "content_delivery_network": "hosting", "cellular": "mobile", "residential": "home",
    "business": "office", "college": "office", "government": "office", "library": "office", "military": "office",
    "school": "office",
}  # fmt: skip
"""`traits.user_type` of GeoIP2 Enterprise and Insights, as this project's kinds of network."""

_log = structlog.get_logger("sessionwatch.geo")


class GeoFileError(Exception):
    """A file that cannot be opened, or is no MMDB file; the text names it and says why."""


class Facts(msgspec.Struct, frozen=True):
    """What is known of an address; None = nothing. A position comes with its region and city."""

    country: str | None = None
    region: str | None = None
    city: str | None = None
    lat: float | None = None
    lon: float | None = None
    asn: int | None = None
    network_type: str | None = None


class _Named(msgspec.Struct):
    iso_code: str | None = None
    names: dict[str, str] = {}


class _Location(msgspec.Struct):
    latitude: float | None = None
    longitude: float | None = None
    accuracy_radius: int | None = None


class _Traits(msgspec.Struct):
    user_type: str | None = None


class _Record(msgspec.Struct):
    """The parts of a record that count, of City, Country, ASN, Connection-Type and Anonymous-IP files alike."""

    country: _Named | None = None
    subdivisions: list[_Named] = []
    city: _Named | None = None
    location: _Location | None = None
    traits: _Traits | None = None
    autonomous_system_number: int | None = None
    connection_type: str | None = None
    is_anonymous_vpn: bool = False
    is_hosting_provider: bool = False
    is_public_proxy: bool = False
    is_tor_exit_node: bool = False


@dataclass(slots=True)
class _Opened:
    reader: maxminddb.Reader
    stamp: tuple[int, int, int]


class GeoFiles:
    """MMDB files, asked in their order; of each fact the first that one of them knows counts.

    Args:
        paths: of the files.

    Raises:
        GeoFileError: one cannot be opened.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._opened = {path: _open(path) for path in paths}
        self._looked_s = time.monotonic()

    def of(self, ip: str) -> Facts:
        """Return what the files say of an address in canonical form."""
        found: dict[str, str | float | int] = {}
        for path, opened in self._opened.items():
            try:
                record = opened.reader.get(ip)
                if record is None:
                    continue
                facts = _facts(msgspec.convert(record, _Record))
            except (maxminddb.InvalidDatabaseError, msgspec.ValidationError, ValueError) as error:
                # One damaged record, or an IPv6 address in a file of IPv4: the others still say something.
                _log.debug("no facts of an address", file=path.name, why=str(error))
                continue
            for name in facts.__struct_fields__:
                if (value := getattr(facts, name)) is not None:
                    found.setdefault(name, value)
        return msgspec.convert(found, Facts)

    def renew(self) -> bool:
        """Open again what has changed, at most once a minute; return whether anything has."""
        if time.monotonic() - self._looked_s < LOOK_S:
            return False
        self._looked_s = time.monotonic()
        return self.reopen()

    def reopen(self) -> bool:
        """Open again what has changed now; a file that cannot be read is told, and the one open before stays."""
        changed = False
        for path, opened in self._opened.items():
            try:
                if _stamp(path) == opened.stamp:
                    continue
                self._opened[path] = _open(path)
            except (GeoFileError, OSError) as error:
                _log.warning("geo file not renewed", file=path.name, why=str(error))
                continue
            _log.info("geo file renewed", file=path.name)
            changed = True
        return changed


def _open(path: Path) -> _Opened:
    try:
        # Looked at first: what is put in place meanwhile is another file at the next look.
        stamp = _stamp(path)
        return _Opened(maxminddb.open_database(path), stamp)
    except OSError as error:
        raise GeoFileError(f"{path}: {error.strerror or error}") from None
    except maxminddb.InvalidDatabaseError:
        raise GeoFileError(f"{path}: no MMDB file") from None


def _stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _facts(record: _Record) -> Facts:
    country = record.country.iso_code if record.country is not None else None
    place = record.location
    precise = place is not None and (place.accuracy_radius or 0) <= WIDEST_KM
    lat, lon = (place.latitude, place.longitude) if place is not None and precise else (None, None)
    is_known = lat is not None and lon is not None and abs(lat) <= 90 and abs(lon) <= 180
    region = record.subdivisions[0].iso_code if record.subdivisions else None
    city = record.city.names.get("en") if record.city is not None else None
    return Facts(
        country=country if country is not None and _COUNTRY(country) else None,
        region=region[:_LONGEST_NAME] if region and is_known else None,
        city=city[:_LONGEST_NAME] if city and is_known else None,
        lat=lat if is_known else None,
        lon=lon if is_known else None,
        asn=record.autonomous_system_number,
        network_type=_network_type(record),
    )


def _network_type(record: _Record) -> str | None:
    if record.is_anonymous_vpn:
        return "vpn"
    # Rules forgive relays of browsers and carriers; who comes by Tor or an open proxy is judged as from a data centre.
    if record.is_tor_exit_node or record.is_public_proxy or record.is_hosting_provider:
        return "hosting"
    if record.connection_type == "Cellular":
        return "mobile"
    return _USERS.get(record.traits.user_type or "") if record.traits is not None else None
