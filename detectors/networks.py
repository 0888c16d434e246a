"""What a change of network means: the words that all rules about networks share."""

from __future__ import annotations

from typing import Protocol

from schemas.event import NO_AGENT, Agent, Event, Place

EGRESS_TYPES = frozenset({"office", "vpn", "relay"})
"""Networks through which many people leave, or one person leaves by many addresses."""

PASSING_TYPES = EGRESS_TYPES | {"mobile"}
"""Networks to which people change without moving house: on their way, or by a switch."""

ANONYMISER_TYPES = frozenset({"tor", "vpn", "relay", "proxy", "anonymiser", "hosting"})
"""Networks that hide where somebody really is; public VPNs mostly leave through hosting networks."""

SERVER_TYPES = frozenset({"hosting", "tor"})
"""Networks of rented machines, or of nobody at all: no person sits there."""


class Seen(Protocol):
    """Whatever says from where and with what: an event, or a remembered use."""

    @property
    def place(self) -> Place:
        """From where."""

    @property
    def agent(self) -> Agent:
        """With what kind of client."""

    @property
    def device_id(self) -> str | None:
        """On which device, where that is known."""


def same_network(earlier: Seen, later: Seen) -> bool:
    """Say whether two uses come from one network, as far as can be told.

    An unreadable address tells nothing. A flip between IPv4 and IPv6 of one dual-stack client is no change
    when autonomous system (or, lacking that, country) and device agree.
    """
    before, now = earlier.place, later.place
    if before.network is None or now.network is None or before.network == now.network:
        return True
    return _same_device(earlier, later) and same_line(before, now)


def same_line(before: Place, now: Place) -> bool:
    """Say whether two places may be one line, whatever is used on it; see `same_network`."""
    if before.network is None or now.network is None or before.network == now.network:
        return True
    if before.version == now.version:
        return False
    if before.asn is not None and now.asn is not None:
        return before.asn == now.asn
    return before.country is not None and before.country == now.country


def dissimilar_device(use: Seen, event: Event, *, agent_expected: bool) -> bool:
    """Say whether an event shows another device than an earlier use.

    Args:
        use: the earlier use.
        event: the event.
        agent_expected: whether this session's uses carry an agent, so that its absence is a change too.
    """
    if other_device_id(use, event):
        return True
    if use.agent == NO_AGENT:
        # Apps that pass no agent at login: its first appearance is no change.
        return False
    if event.user_agent is None:
        return agent_expected
    return not use.agent.similar(event.agent)


def other_device_id(earlier: Seen, later: Seen) -> bool:
    """Say whether both name a device, and not the same."""
    return earlier.device_id is not None and later.device_id is not None and earlier.device_id != later.device_id


def _same_device(earlier: Seen, later: Seen) -> bool:
    if earlier.device_id is not None and later.device_id is not None:
        return earlier.device_id == later.device_id
    return earlier.agent.similar(later.agent)


def describe(place: Place) -> str:
    """Return a place in the fewest words that still tell networks apart."""
    parts = [place.network or "unknown network"]
    if place.country:
        parts.append(place.country)
    if place.asn is not None:
        parts.append(f"AS{place.asn}")
    if place.network_type:
        parts.append(place.network_type)
    return " ".join(parts)
