"""What is told of sessions and users: rows of lists, places and devices, and the parts of a session's picture."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

Device = tuple[str | None, str | None, str | None, str | None]
"""Device id, agent family, operating system, device class."""


class SessionSummary(msgspec.Struct, frozen=True, gc=False):
    """A session in a list; instants are microseconds since the epoch."""

    app: str
    session_id: str
    user_id: str | None
    first_us: int
    last_us: int
    created_us: int | None
    ended_us: int | None
    end_reason: str | None
    live: bool
    events: int
    requests: int
    networks: int
    devices: int
    country: str | None
    agent: str | None
    network: str | None


class LiveGroup(msgspec.Struct, frozen=True):
    """Live sessions of an app that are one user's, or were last used from one network, or all of them.

    Attributes:
        value: the user, the network or the app.
        last_us: of their newest event, microseconds since the epoch.
        country: of the newest that has one.
    """

    app: str
    value: str
    sessions: int
    users: int
    networks: int
    last_us: int
    country: str | None


class LiveGroups(msgspec.Struct, frozen=True):
    """The largest groups of live sessions, and how many there are in all."""

    sessions: int
    users: int
    networks: int
    groups: list[LiveGroup]


class PlaceSummary(msgspec.Struct, frozen=True, gc=False):
    """A network and what happened from it."""

    network: str | None
    ip: str | None
    country: str | None
    region: str | None
    city: str | None
    asn: int | None
    network_type: str | None
    first_us: int
    last_us: int
    events: int
    requests: int
    sessions: int


class DeviceSummary(msgspec.Struct, frozen=True):
    """A device and what happened on it."""

    device_id: str | None
    agent_family: str | None
    agent_os: str | None
    device_class: str | None
    user_agent: str | None
    first_us: int
    last_us: int
    events: int
    requests: int
    sessions: int
    countries: list[str] | None


class UserFacts(msgspec.Struct, frozen=True):
    """A user in some time; None where nothing was seen."""

    apps: list[str] | None
    first_us: int | None
    last_us: int | None
    sessions: int
    failures: int


class Lane(msgspec.Struct, frozen=True, gc=False):
    """A network and a device of a session."""

    network: str | None
    country: str | None
    asn: int | None
    network_type: str | None
    device_id: str | None
    agent_family: str | None
    agent_os: str | None
    device_class: str | None
    first_us: int
    last_us: int
    events: int

    @property
    def key(self) -> tuple[str | None, ...]:
        """What tells lanes apart."""
        return self.network, self.device_id, self.agent_family, self.agent_os, self.device_class

    @property
    def device(self) -> Device:
        """The device alone."""
        return self.device_id, self.agent_family, self.agent_os, self.device_class


class Bin(msgspec.Struct, frozen=True, gc=False):
    """Events of one lane, type and reason that lie close together.

    Attributes:
        place: the bin's number; where events are not gathered, their time.
        count: uses, with what sampling left out.
        event_id: of the first.
    """

    network: str | None
    device_id: str | None
    agent_family: str | None
    agent_os: str | None
    device_class: str | None
    type: str
    reason: str | None
    place: int
    first_us: int
    last_us: int
    count: int
    events: int
    event_id: str

    @property
    def key(self) -> tuple[str | None, ...]:
        """The lane's."""
        return self.network, self.device_id, self.agent_family, self.agent_os, self.device_class


class Span(msgspec.Struct, frozen=True, gc=False):
    """First and last event of a session, how many there are, and whose they are."""

    first_us: int
    last_us: int
    events: int
    user_id: str | None

    @property
    def end_us(self) -> int:
        """Just after the last event."""
        return self.last_us + 1


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Whose events, and when.

    Attributes:
        apps: an empty one for none.
        session_id, user_id: None for any.
        since_us, until_us: since <= event time < until, microseconds since the epoch.
    """

    apps: Collection[str]
    session_id: str | None = None
    user_id: str | None = None
    since_us: int
    until_us: int
