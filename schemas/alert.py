"""The alert: what a detector says about a session, a user, a network or an app."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec
from pydantic import BaseModel, ConfigDict

from schemas.instant import to_datetime

MAX_EVIDENCE = 20
"""Events named in one alert; the first of them and the newest, so that a long episode stays readable."""

ALERT_NAMESPACE = uuid.UUID("5e551094-4a7c-5c8e-9d0f-a1e27a1e2700")

KeyKind = Literal["session", "user", "network", "device", "app", "system"]
Mode = Literal["off", "shadow", "alert", "enforce"]
Status = Literal["new", "acknowledged", "resolved", "withdrawn"]


class Severity(StrEnum):
    """How bad it is; `rank` orders them."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info up to 4 for critical."""
        return _RANKS[self]

    def at_most(self, cap: Severity) -> Severity:
        """Return the lower of the two."""
        return self if self.rank <= cap.rank else cap


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """One event that counted, and what it showed."""

    event_id: str
    time_us: int
    fact: str


class Alert(msgspec.Struct, gc=False):
    """An alert inside the pipeline: `AlertView` is the same for the world outside.

    Attributes:
        alert_id: UUIDv5 of rule, app (realm for user rules), key and episode: order, restart and replay give
            the same.
        confidence: 0 to 1.
        usual: what is ordinary for this key, by name, for the comparison *usual against this session*.
        hits: how many events completed the rule in this episode.
        late: every hit came from an event older than the bound of disorder.
        asn, network_type: of its network, where they are known.
        tool: the User-Agent as it came, where it is that of a tool or robot: many attackers share one, few users do.
        suppressed_by: owner and reason of the exception that covers it; such an alert is a record and no more.
    """

    alert_id: str
    rule_id: str
    rule_version: int
    severity: Severity
    mode: Mode
    app: str
    key_kind: KeyKind
    key_value: str
    event_time_us: int
    first_event_time_us: int
    last_event_time_us: int
    summary: str
    evidence: tuple[Evidence, ...] = ()
    usual: dict[str, str] = {}
    user_id: str | None = None
    session_id: str | None = None
    ip: str | None = None
    network: str | None = None
    device_id: str | None = None
    hits: int = 1
    confidence: float = 1.0
    model_id: str | None = None
    status: Status = "new"
    late: bool = False
    drill: str | None = None
    asn: int | None = None
    network_type: str | None = None
    tool: str | None = None
    suppressed_by: str | None = None


def alert_id(rule_id: str, scope: str, key_value: str, episode: str) -> str:
    """Return the id of an alert.

    Args:
        rule_id: the rule that fired.
        scope: the app; for user rules the realm.
        key_value: the session, user, network, device or app it is about.
        episode: "session" for session rules, else the floored event time in microseconds.
    """
    # Length-prefixed, since a user id may hold any separator.
    parts = (rule_id, scope, key_value, episode)
    return str(uuid.uuid5(ALERT_NAMESPACE, "".join(f"{len(part)}:{part}" for part in parts)))


class EvidenceView(BaseModel):
    """One event that counted, and what it showed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: str
    event_time: datetime
    fact: str


class AlertKey(BaseModel):
    """What an alert is about."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: KeyKind
    value: str


class AlertView(BaseModel):
    """An alert as the API, the command line and the topics show it."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="sessionwatch alert")

    alert_id: str
    rule_id: str
    rule_version: int
    model_id: str | None
    severity: Severity
    confidence: float
    mode: Mode
    status: Status
    app: str
    key: AlertKey
    user_id: str | None
    session_id: str | None
    ip: str | None
    network: str | None
    device_id: str | None
    event_time: datetime
    first_event_time: datetime
    last_event_time: datetime
    hits: int
    summary: str
    evidence: list[EvidenceView]
    usual: dict[str, str]
    late: bool
    drill: str | None
    suppressed_by: str | None = None

    @classmethod
    def of(cls, alert: Alert) -> AlertView:
        """Return the outside view of an alert."""
        return cls(
            alert_id=alert.alert_id,
            rule_id=alert.rule_id,
            rule_version=alert.rule_version,
            model_id=alert.model_id,
            severity=alert.severity,
            confidence=alert.confidence,
            mode=alert.mode,
            status=alert.status,
            app=alert.app,
            key=AlertKey(kind=alert.key_kind, value=alert.key_value),
            user_id=alert.user_id,
            session_id=alert.session_id,
            ip=alert.ip,
            network=alert.network,
            device_id=alert.device_id,
            event_time=to_datetime(alert.event_time_us),
            first_event_time=to_datetime(alert.first_event_time_us),
            last_event_time=to_datetime(alert.last_event_time_us),
            hits=alert.hits,
            summary=alert.summary,
            evidence=[
                EvidenceView(event_id=item.event_id, event_time=to_datetime(item.time_us), fact=item.fact)
                for item in alert.evidence
            ],
            usual=dict(alert.usual),
            late=alert.late,
            drill=alert.drill,
            suppressed_by=alert.suppressed_by,
        )


class AlertChange(msgspec.Struct, frozen=True, gc=False):
    """What one batch did to an alert.

    Attributes:
        kind: raised (new), escalated (same id, higher severity), updated (further hits, or other evidence),
            withdrawn (an event that came out of order shows that it does not follow; the row is kept).
        alert: the alert as it is now, whole.
    """

    kind: Literal["raised", "escalated", "updated", "withdrawn"]
    alert: Alert
