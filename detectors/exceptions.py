"""Exceptions: hits that somebody has answered for, with a reason and until a day."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

import msgspec

from schemas.event import Event

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class RuleException(msgspec.Struct, frozen=True):
    """What a rule need not report. Everything that is given must fit the event that completes a hit.

    Attributes:
        rule: a rule's id.
        network: in CIDR notation.
        agent: of the whole User-Agent, ``*`` for any text, upper and lower case alike.
        owner, reason: who answers for it, and why.
        expires_us: from this event time on it is over, microseconds since the epoch.
    """

    rule: str
    owner: str
    reason: str
    expires_us: int
    network: str | None = None
    asn: int | None = None
    user_id: str | None = None
    app: str | None = None
    agent: str | None = None

    def covers(self, event: Event) -> bool:
        """Say whether a hit that this event completes is excepted."""
        if event.time_us >= self.expires_us:
            return False
        return (
            (self.app is None or event.app == self.app)
            and (self.user_id is None or event.user_id == self.user_id)
            and (self.asn is None or event.place.asn == self.asn)
            and (self.agent is None or _fits(event.user_agent, self.agent))
            and (self.network is None or _inside(event.ip, self.network))
        )

    def __str__(self) -> str:
        """Return who answers for it and why."""
        return f"{self.owner}: {self.reason}"


class Exceptions:
    """The exceptions of the configuration.

    Args:
        listed: in their order; the first that covers a hit is named in its record.
    """

    def __init__(self, listed: Iterable[RuleException] = ()) -> None:
        self.listed = tuple(listed)
        self._by_rule: dict[str, list[RuleException]] = {}
        for exception in self.listed:
            self._by_rule.setdefault(exception.rule, []).append(exception)

    def covering(self, rule_id: str, event: Event) -> RuleException | None:
        """Return the exception that covers a rule's hit, or None."""
        for exception in self._by_rule.get(rule_id, ()):
            if exception.covers(event):
                return exception
        return None


def _fits(agent: str | None, pattern: str) -> bool:
    return agent is not None and fnmatchcase(agent.lower(), pattern.lower())


def _inside(ip: str | None, network: str) -> bool:
    if ip is None:
        return False
    address, within = ipaddress.ip_address(ip), _network(network)
    return address.version == within.version and address in within


@lru_cache(maxsize=10_000)
def _network(text: str) -> Network:
    return ipaddress.ip_network(text)
