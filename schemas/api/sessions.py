"""Sessions: rows, facts and events."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from schemas.alert import Severity
from schemas.api.alerts import AlertRow
from schemas.api.risks import RiskView
from schemas.api.shapes import Answer
from schemas.event import AttributeValue, EventType
from schemas.revocation import RevocationView


class SessionRow(Answer):
    """A session as its events in the asked time show it.

    Attributes:
        first, last: of its events in that time.
        ended, end_reason: its `destroy`, where there was one after the last use.
        live: used within the idle timeout and not ended.
        requests: accepted uses, with what sampling left out.
        severity: the highest of its alerts.
        network: that it was last used from.
    """

    app: str
    session_id: str
    user_id: str | None
    first: datetime
    last: datetime
    created: datetime | None
    ended: datetime | None
    end_reason: str | None
    live: bool
    events: int
    requests: int
    networks: int
    devices: int
    country: str | None
    agent: str | None
    severity: Severity | None = None
    network: str | None = None


class SessionPage(Answer):
    """Sessions, the last used first."""

    items: list[SessionRow]
    next: str | None = None


class LiveGroupRow(Answer):
    """Live sessions of an app that are one user's, were last used from one network, or are all of the app.

    Attributes:
        value: the user, the network or the app.
        last: their newest event.
        country: of the newest that has one.
    """

    app: str
    value: str
    sessions: int
    users: int
    networks: int
    last: datetime
    country: str | None


class LiveGroupPage(Answer):
    """Who is in: the largest groups of live sessions, 200 at most.

    Attributes:
        sessions, users, networks: live ones in all, of the apps asked for.
        more: there are smaller groups than those that are told.
    """

    by: Literal["user", "network", "app"]
    sessions: int
    users: int
    networks: int
    items: list[LiveGroupRow]
    more: bool


class DeclaredPolicy(Answer):
    """What the app declares about its sessions. None = not declared, not judged. Durations are seconds."""

    declared: bool
    kind: Literal["cookie", "token", "sso"]
    realm: str
    idle_timeout_s: float | None
    absolute_timeout_s: float | None
    max_sessions: int | None
    rotates_on_login: bool | None
    revoke_grace_s: float
    clock_skew_s: float


class PlaceUse(Answer):
    """A network and what happened from it."""

    network: str | None
    ip: str | None
    country: str | None
    region: str | None
    city: str | None
    asn: int | None
    network_type: str | None
    first: datetime
    last: datetime
    events: int
    requests: int
    sessions: int


class DeviceUse(Answer):
    """A device, by its id where the app gives one, else by its agent."""

    device_id: str | None
    agent_family: str | None
    agent_os: str | None
    device_class: str | None
    user_agent: str | None
    first: datetime
    last: datetime
    events: int
    requests: int
    sessions: int
    countries: list[str]


class SessionDetail(Answer):
    """A session's facts.

    Attributes:
        lived_s: from its first event to its end, else to its last event; seconds.
        events_by_type: rows by type.
        refused: failed uses, with what sampling left out.
        risk: what its alerts add up to now.
        since, until: the time that was looked at; older events may be beyond the retention.
    """

    app: str
    session_id: str
    user_id: str | None
    realm: str
    live: bool
    created: datetime | None
    first: datetime
    last: datetime
    ended: datetime | None
    end_reason: str | None
    lived_s: float
    events: int
    events_by_type: dict[str, int]
    requests: int
    refused: int
    networks: list[PlaceUse]
    devices: list[DeviceUse]
    policy: DeclaredPolicy
    severity: Severity | None
    risk: RiskView
    alerts: list[AlertRow]
    revocations: list[RevocationView]
    since: datetime
    until: datetime


class EventRow(Answer):
    """An event of a session's timeline.

    Attributes:
        arrival: the pipeline's clock at the poll that brought it.
        count: how many uses it stands for.
        topic, partition, offset: where Kafka holds it.
    """

    event_id: str
    event_time: datetime
    arrival: datetime
    type: EventType
    reason: str | None
    app: str
    session_id: str | None
    user_id: str | None
    ip: str | None
    network: str | None
    country: str | None
    region: str | None
    city: str | None
    asn: int | None
    network_type: str | None
    user_agent: str | None
    agent_family: str | None
    agent_os: str | None
    device_class: str | None
    device_id: str | None
    auth_method: str | None
    mfa: bool | None
    idp: str | None
    parent_session_id: str | None
    token_generation: int | None
    count: int
    gap_min_ms: float | None
    gap_dev_ms: float | None
    bound: str | None
    action: str | None
    drill: str | None
    signed: bool
    late: bool
    input_flags: list[str]
    attributes: dict[str, AttributeValue]
    topic: str
    partition: int
    offset: int


class EventPage(Answer):
    """Events in the order of their time, the oldest first."""

    items: list[EventRow]
    next: str | None = None
