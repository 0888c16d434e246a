"""What the picture of a session shows."""

from __future__ import annotations

from datetime import datetime

from schemas.alert import Severity, Status
from schemas.api.shapes import Answer
from schemas.event import EventType
from schemas.revocation import Scope, State

MAX_MARKS = 1_500
"""What a picture of a session may hold: marks, spans, alerts and revocations together."""


class PictureLane(Answer):
    """One lane: a network and a device.

    Attributes:
        lane: its number, from the top; the lane that was used first is 0.
        known: this user had been seen with this network or this device in the 90 days before the session.
    """

    lane: int
    network: str | None
    country: str | None
    asn: int | None
    network_type: str | None
    device_id: str | None
    agent_family: str | None
    agent_os: str | None
    device_class: str | None
    first: datetime
    last: datetime
    events: int
    known: bool


class PictureMark(Answer):
    """One mark: a single event, or a bin of validates.

    Attributes:
        end: of the bin's last event; equal to `time` for a single event.
        count: uses that it stands for, with what sampling left out.
        events: rows that it stands for.
        event_id: of the event, or of the bin's first.
    """

    lane: int
    time: datetime
    end: datetime
    type: EventType
    reason: str | None
    count: int
    events: int
    event_id: str


class PictureSpan(Answer):
    """Time in which a lane was in use with no gap of five minutes or more."""

    lane: int
    start: datetime
    end: datetime


class PictureAlert(Answer):
    """An alert on the picture."""

    alert_id: str
    rule_id: str
    title: str
    severity: Severity
    status: Status
    time: datetime
    summary: str
    event_ids: list[str]


class PictureRevocation(Answer):
    """A revocation on the picture: each state it has entered, with its time."""

    revocation_id: str
    scope: Scope
    state: State
    times: dict[str, datetime]


class SessionPicture(Answer):
    """What a picture of a session can show: at most 1,500 marks, spans, alerts and revocations together.

    Attributes:
        since, until: the time that is shown.
        bin_s: width of the bins in which validates are gathered, seconds; 0 = every event is a mark of its own.
        events: rows in that time.
        dropped: rows that even bins leave out: the sparsest lanes of a session in very many networks.
    """

    app: str
    session_id: str
    since: datetime
    until: datetime
    bin_s: float
    events: int
    dropped: int
    lanes: list[PictureLane]
    marks: list[PictureMark]
    spans: list[PictureSpan]
    alerts: list[PictureAlert]
    revocations: list[PictureRevocation]
