"""Lists of networks that somebody keeps and answers for: each with an owner, and an end."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.alert import Severity
from schemas.event import Event
from schemas.instant import parse_rfc3339, to_us

MAX_ENTRIES = 100_000
"""Addresses and systems in one list: the length of the longest public ones."""


def parse_end(value: object) -> object:
    """Return the end of a list in microseconds since the epoch.

    A day counts until it is over, in UTC: ``2027-01-31`` or ``"2027-01-31"``; an instant is RFC 3339 or an aware
    datetime; a number is microseconds already.

    Raises:
        ValueError: the text is neither.
    """
    if isinstance(value, str):
        return parse_rfc3339(value) if len(value) > len("2027-01-31") else _end_of(date.fromisoformat(value))
    if isinstance(value, datetime):
        return to_us(value if value.tzinfo else value.replace(tzinfo=UTC))
    return _end_of(value) if isinstance(value, date) else value


def _end_of(day: date) -> int:
    return to_us(datetime.combine(day + timedelta(days=1), time(), UTC))


class NetworkList(BaseModel):
    """A list of networks: who keeps it, until when it holds, how bad a success from it is.

    Attributes:
        cidrs: address ranges; host bits that are set are ignored.
        asns: autonomous systems.
        expires_us: the first instant at which it no longer holds, event time, microseconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=64, description="Its name, as alerts show it.")
    owner: str = Field(min_length=1, max_length=64, description="Who keeps it.")
    expires_us: Annotated[int, BeforeValidator(parse_end)] = Field(
        validation_alias=AliasChoices("expires_us", "expires"),
        description="When it ends; written as `expires`, a day or an instant.",
    )
    severity: Severity = Field(Severity.MEDIUM, description="Of a success from it.")
    cidrs: tuple[str, ...] = Field((), max_length=MAX_ENTRIES, description="Address ranges.")
    asns: tuple[Annotated[int, Field(ge=0, le=2**32 - 1)], ...] = Field(
        (), max_length=MAX_ENTRIES, description="Autonomous systems."
    )

    @model_validator(mode="after")
    def _readable(self) -> NetworkList:
        for cidr in self.cidrs:
            ipaddress.ip_network(cidr, strict=False)
        return self

    @cached_property
    def _ranges(self) -> dict[tuple[int, int], frozenset[int]]:
        """The first address of each range, by version and by how many bits are left of an address."""
        ranges: dict[tuple[int, int], set[int]] = {}
        for cidr in self.cidrs:
            network = ipaddress.ip_network(cidr, strict=False)
            shift = network.max_prefixlen - network.prefixlen
            ranges.setdefault((network.version, shift), set()).add(int(network.network_address) >> shift)
        return {key: frozenset(starts) for key, starts in ranges.items()}

    @cached_property
    def _systems(self) -> frozenset[int]:
        return frozenset(self.asns)

    def holds(self, event: Event, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
        """Say whether an event comes from a network of this list, while the list is in force.

        Args:
            event: its time decides whether the list has expired.
            address: that of the event.
        """
        if event.time_us >= self.expires_us:
            return False
        if event.place.asn is not None and event.place.asn in self._systems:
            return True
        if address is None:
            return False
        number = int(address)
        return any(
            version == address.version and number >> shift in starts
            for (version, shift), starts in self._ranges.items()
        )


def lists_of(event: Event, lists: Iterable[NetworkList]) -> list[NetworkList]:
    """Return the lists that hold an event's network, worst first."""
    address = ipaddress.ip_address(event.ip) if event.ip is not None else None
    found = [one for one in lists if one.holds(event, address)]
    return sorted(found, key=lambda one: (-one.severity.rank, one.name))
