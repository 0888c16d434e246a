"""A session whose devices change faster than a person changes devices.

Either one device id shows two operating systems within minutes (the id was copied along with the cookie), or one
session goes through four device ids on more than one network (it is passed around).

Source: MITRE ATT&CK T1539; the pairing of device and system follows public rules for identity providers' logs.
Known false positives: a developer who lets the browser pose as another device; a client that keeps no device id and
gets a new one with each request, which is told apart by ids that never come back.
"""

from __future__ import annotations

import msgspec
from pydantic import Field

from detectors.context import SessionContext
from detectors.networks import EGRESS_TYPES, describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Memory, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import Agent, Event, Place
from schemas.instant import MINUTE

MAX_CLIENTS = 16
"""Clients remembered a session, the newest; more than any threshold asks for."""

NO_DEVICES = frozenset(
    {"", "-", "0", "null", "none", "nil", "undefined", "unknown", "n/a", "00000000-0000-0000-0000-000000000000"}
)
"""Device ids that name no device. The zeros are what a phone answers whose owner forbids tracking."""

# A phone's "desktop site" switch poses as the desktop system of its maker; distributions are all Linux.
_SAME_SYSTEM = {
    "iOS": "Apple", "iPadOS": "Apple", "Mac OS X": "Apple", "Android": "Linux", "Chrome OS": "Linux", "Ubuntu": "Linux",
    "Fedora": "Linux", "Debian": "Linux", "Linux Mint": "Linux", "Red Hat": "Linux", "SUSE": "Linux",
}  # fmt: skip


class Client(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A device under one operating system.

    Attributes:
        system: of the agent, phones and the desktops they can pose as taken together; None when unknown.
        first_us, last_us: its uses.
    """

    device_id: str
    system: str | None
    agent: Agent
    place: Place
    first_us: int
    last_us: int
    event_id: str


class Clients(Memory):
    """The clients of a session, newest use last; empty while there has been one only."""

    clients: tuple[Client, ...] = ()


class DeviceChurnParameters(Parameters):
    """Parameters of session-device-churn."""

    systems: int = Field(2, ge=2, le=8, description="How many operating systems on one device id are too many.")
    system_window: Duration = Field(9 * MINUTE, description="How long ago a use under another system still counts.")
    devices: int = Field(4, ge=2, le=MAX_CLIENTS, description="How many device ids in one session are too many.")
    networks: int = Field(2, ge=1, le=8, description="On how many networks these must have been used.")
    device_window: Duration = Field(60 * MINUTE, description="How long ago a use of another device still counts.")


class SessionDeviceChurn(Rule[SessionContext, Clients]):
    """Too many systems on one device, or too many devices in one session."""

    id = "session-device-churn"
    title = "Session passed between devices"
    key = "session"
    needs = frozenset({"create", "validate"})
    attack = ("T1539",)
    severity = Severity.HIGH
    runbook = (
        "List device ids, systems and networks of the session in their order.",
        "Benign if one person tests with several agents, or the client keeps no cookies.",
        "Else revoke the session; the user signs in again on the device that is theirs.",
    )
    repeats = False
    memory = Clients
    inherits = True
    Parameters = DeviceChurnParameters

    def on_event(self, event: Event, context: SessionContext, memory: Clients, app: AppPolicy) -> Hit | None:
        """Judge a successful use."""
        if context.starts_anew(event):
            memory.clients = ()
            return None
        if event.device_id is None or event.device_id.strip().casefold() in NO_DEVICES:
            return None
        now = _client(event)
        known = memory.clients or _first(context, now)
        if not known:
            # The first, or still the only one.
            return None
        before = _seen_until(known, context.last_us)
        memory.clients = _with(before, now)
        if any(_same(client, now) for client in before[-1:]):
            return None
        return self._systems(now, memory.clients) or self._devices(now, memory.clients)

    def _systems(self, now: Client, clients: tuple[Client, ...]) -> Hit | None:
        assert isinstance(self.parameters, DeviceChurnParameters)
        since_us = now.last_us - self.parameters.system_window
        one = [client for client in clients if client.device_id == now.device_id and client.last_us >= since_us]
        systems = sorted({client.system for client in one if client.system is not None})
        if now.system is None or len(systems) < self.parameters.systems:
            return None
        return _hit(Severity.HIGH, f"One device id under {len(systems)} operating systems", now, one)

    def _devices(self, now: Client, clients: tuple[Client, ...]) -> Hit | None:
        assert isinstance(self.parameters, DeviceChurnParameters)
        since_us = now.last_us - self.parameters.device_window
        live = [client for client in clients if client.last_us >= since_us]
        devices = {client.device_id for client in live}
        places = distinct_places([client.place for client in live])
        if len(devices) < self.parameters.devices or places < self.parameters.networks:
            return None
        if any(not client.agent.similar(now.agent) for client in live):
            severity = Severity.HIGH
        elif any(client.last_us > client.first_us for client in live):
            severity = Severity.MEDIUM
        else:
            # One kind of agent, and no id ever comes back: a client that keeps none.
            severity = Severity.LOW
        return _hit(severity, f"{len(devices)} device ids on {places} networks in one session", now, live)


def distinct_places(places: list[Place]) -> int:
    """Count networks: both protocols of one provider are one, so are all carriers, and all egress networks."""
    seen: set[tuple[str, object]] = set()
    versions: dict[tuple[str, object], set[int]] = {}
    networks: dict[tuple[str, object], set[str]] = {}
    for place in places:
        if place.network is None:
            continue
        if place.network_type == "mobile" or place.network_type in EGRESS_TYPES:
            seen.add(("type", "mobile" if place.network_type == "mobile" else "egress"))
            continue
        provider = ("provider", place.asn if place.asn is not None else place.country)
        versions.setdefault(provider, set()).add(place.version)
        networks.setdefault(provider, set()).add(place.network)
    return len(seen) + sum(len(networks[one]) - (len(versions[one]) - 1) for one in networks)


def _client(event: Event) -> Client:
    return Client(
        event.device_id or "",
        _system(event.agent),
        event.agent,
        event.place,
        event.time_us,
        event.time_us,
        event.event_id,
    )


def _system(agent: Agent) -> str | None:
    return None if agent.os is None else _SAME_SYSTEM.get(agent.os, agent.os)


def _first(context: SessionContext, now: Client) -> tuple[Client, ...]:
    """Return the client that the session has had so far, if this one differs from it."""
    home = context.home
    if home is None or home.device_id is None or home.device_id.strip().casefold() in NO_DEVICES:
        return ()
    first = Client(
        home.device_id, _system(home.agent), home.agent, home.place, home.first_us, home.last_us, home.event_id
    )
    return () if _same(first, now) else (first,)


def _same(one: Client, other: Client) -> bool:
    return one.device_id == other.device_id and one.system == other.system and one.place == other.place


def _seen_until(clients: tuple[Client, ...], last_us: int) -> tuple[Client, ...]:
    """Return the clients with the newest as used until now: its repeats are never seen here."""
    newest = clients[-1]
    if newest.last_us >= last_us:
        return clients
    return (*clients[:-1], msgspec.structs.replace(newest, last_us=last_us))


def _with(clients: tuple[Client, ...], now: Client) -> tuple[Client, ...]:
    kept, first_us = [], now.first_us
    for client in clients:
        if _same(client, now):
            first_us = min(first_us, client.first_us)
        else:
            kept.append(client)
    kept.append(msgspec.structs.replace(now, first_us=first_us))
    return tuple(kept[-MAX_CLIENTS:])


def _hit(severity: Severity, what: str, now: Client, clients: list[Client]) -> Hit:
    def told(client: Client) -> str:
        return f"{client.agent.family or 'unknown agent'} on {client.system or 'unknown system'}"

    earlier = tuple(
        Evidence(client.event_id, client.last_us, f"{told(client)} from {describe(client.place)}")
        for client in clients
        if not _same(client, now)
    )
    return Hit(severity, f"{what}: now {told(now)} from {describe(now.place)}", told(now), evidence=earlier)
