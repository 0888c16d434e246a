"""What the HTTP API takes and answers, shared by the pipeline, the console and the command line.

Paths and access are in `docs/api.md`. Text that came with an event is hostile wherever it is shown: it travels as
JSON and nothing of it is markup.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from schemas.alert import AlertKey, EvidenceView, Mode, Severity, Status
from schemas.event import APP_PATTERN, SESSION_PATTERN, AttributeValue, EventType
from schemas.instant import parse_rfc3339
from schemas.limits import MAX_USER_ID
from schemas.revocation import RevocationView, Scope, State

MAX_PAGE = 200
"""Rows of one page."""
MAX_MARKS = 1_500
"""What a picture of a session may hold: marks, spans, alerts and revocations together."""
MAX_NOTE = 2_000
MAX_REASON = 500
MAX_QUERY = 200
"""Characters of a note, a reason, a text to search for."""

Role = Literal["viewer", "analyst", "engineer", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "analyst", "engineer", "admin")
"""From the least to the most; each may do what those before it may."""

Verdict = Literal["benign", "false_alarm", "confirmed"]
Triage = Literal["new", "acknowledged", "resolved"]
"""The statuses that people set; `withdrawn` belongs to the detectors."""

Note = Annotated[str, StringConstraints(max_length=MAX_NOTE, strip_whitespace=True)]
Reason = Annotated[str, StringConstraints(min_length=3, max_length=MAX_REASON, strip_whitespace=True)]


def _check_instant(text: str) -> str:
    parse_rfc3339(text)
    return text


def _example(*examples: dict[str, JsonValue]) -> ConfigDict:
    """Return the configuration of a request with examples for the OpenAPI document."""
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": list(examples)})


_SESSION = "s_k1_5rV0Zc3XqJt8mYw2aLhNfB7uKdPgE1oSxTiCvQjRk4M"

AppName = Annotated[str, StringConstraints(pattern=APP_PATTERN)]
InstantText = Annotated[str, AfterValidator(_check_instant), Field(json_schema_extra={"format": "date-time"})]


class Answer(BaseModel):
    """What the API says. A reader ignores what a later version adds."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Request(BaseModel):
    """What the API is asked: nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# -- who ------------------------------------------------------------------------------------------------------------


class Me(Answer):
    """Who a token speaks for.

    Attributes:
        apps: the apps it is limited to; None = all.
        expires: when it ends; None = not by itself.
    """

    name: str
    role: Role
    apps: list[str] | None = None
    expires: datetime | None = None


class SignInRequest(Request):
    """A one-time code, as the demo's link carries it."""

    model_config = _example({"code": "kZ0Jx7R1n2bQm4tV8sWc3A"})

    code: Annotated[str, StringConstraints(min_length=16, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]


class SignedIn(Me):
    """A bearer token for this browser session alone, kept in the pipeline's memory for 12 hours."""

    token: str


class Problem(Answer):
    """An error, as RFC 9457 says (`application/problem+json`).

    Attributes:
        type: ``about:blank``, or a path that names the kind.
        errors: what is wrong with a request, by place.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[ProblemPlace] = []


class ProblemPlace(Answer):
    """One thing that is wrong with a request."""

    where: str
    what: str


class Act(Answer):
    """Who did what, when and why: a line of the audit log."""

    time: datetime
    actor: str
    act: str
    subject: str
    app: str
    why: str


# -- alerts ---------------------------------------------------------------------------------------------------------


class RevocationBrief(Answer):
    """How far the newest revocation of an alert's session has come."""

    revocation_id: str
    scope: Scope
    state: State
    note: str


class AlertRow(Answer):
    """An alert in the queue.

    Attributes:
        title: the rule's, in a few words.
        key: what it is about.
        opened: when the pipeline stored it.
        updated: when it last changed, by a hit or by a person.
        owner: who has taken it.
        verdict, note, decided, decided_by: what a person made of it.
        revocation: of its session, whoever asked for it.
    """

    alert_id: str
    rule_id: str
    title: str
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
    late: bool
    drill: str | None
    opened: datetime
    updated: datetime
    owner: str | None = None
    verdict: Verdict | None = None
    note: str = ""
    decided: datetime | None = None
    decided_by: str | None = None
    revocation: RevocationBrief | None = None


class AlertPage(Answer):
    """Alerts, the newest event first.

    Attributes:
        next: the cursor of the page after this; None = there is none.
    """

    items: list[AlertRow]
    next: str | None = None


class AlertFacts(Answer):
    """The figures above the queue. Open = new or acknowledged.

    Attributes:
        oldest: when the oldest open one was stored.
        newest_change: when any alert last changed: poll this one, and fetch the page when it moved.
    """

    open: int
    unassigned: int
    critical: int
    oldest: datetime | None
    newest_change: datetime | None


class VerdictCounts(Answer):
    """What people made of a rule's alerts in the last 30 days: its precision is confirmed against all three."""

    confirmed: int = 0
    benign: int = 0
    false_alarm: int = 0


class AlertDetail(AlertRow):
    """An alert, whole.

    Attributes:
        evidence: the events that counted, and what each showed.
        usual: what is ordinary for this key, by name.
        now: the same names in this alert's last event, where they are known.
        runbook: what to look at, what would make it benign, what to do.
        revocations: those that it led to, and those of its session.
        history: what was done to it and to them, the oldest first.
        can_undo: the last decision is the caller's own and can be taken back.
    """

    rule_version: int
    model_id: str | None
    evidence: list[EvidenceView]
    usual: dict[str, str]
    now: dict[str, str]
    realm: str
    runbook: list[str]
    verdicts: VerdictCounts
    revocations: list[RevocationView]
    history: list[Act]
    can_undo: bool = False


class AlertPatch(Request):
    """What a person makes of an alert. Every one is an audit line with who, when and why.

    Attributes:
        status: new, acknowledged or resolved.
        verdict: what it was; resolves the alert, and assigns it to whoever decides.
        note: kept with the alert, replaces the one before.
        assign: "take" = mine now; "give_back" = nobody's.
        undo: take the caller's own last change back; alone.
    """

    model_config = _example({"verdict": "false_alarm", "note": "the office has a new provider"}, {"assign": "take"})

    status: Triage | None = None
    verdict: Verdict | None = None
    note: Note | None = None
    assign: Literal["take", "give_back"] | None = None
    undo: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        asked = [self.status, self.verdict, self.note, self.assign]
        if self.undo and any(one is not None for one in asked):
            raise ValueError("undo stands alone")
        if not self.undo and all(one is None for one in asked):
            raise ValueError("expected one of status, verdict, note, assign, undo")
        if self.verdict is not None and self.status not in (None, "resolved"):
            raise ValueError("a verdict resolves the alert: leave status out")
        return self


# -- sessions and users ---------------------------------------------------------------------------------------------


class SessionRow(Answer):
    """A session as its events in the asked time show it.

    Attributes:
        first, last: of its events in that time.
        ended, end_reason: its `destroy`, where there was one after the last use.
        live: used within the idle timeout and not ended.
        requests: accepted uses, with what sampling left out.
        severity: the highest of its alerts.
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


class SessionPage(Answer):
    """Sessions, the last used first."""

    items: list[SessionRow]
    next: str | None = None


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


class UserDetail(Answer):
    """A user of a realm, over the asked time.

    Attributes:
        apps: of the realm, in which the user was seen.
        live: sessions that are in use.
    """

    realm: str
    user_id: str
    apps: list[str]
    first: datetime
    last: datetime
    sessions: int
    live: int
    failures: int
    devices: list[DeviceUse]
    places: list[PlaceUse]
    alerts: list[AlertRow]
    revocations: list[RevocationView]
    since: datetime
    until: datetime


# -- revocations ----------------------------------------------------------------------------------------------------


class RevocationPage(Answer):
    """Revocations, the last decided first."""

    items: list[RevocationView]
    next: str | None = None


class DeliveryRow(Answer):
    """A message of a revocation to one target."""

    message_id: str
    lane: str
    kind: str
    state: Literal["pending", "delivered", "parked", "dropped"]
    attempts: int
    created: datetime
    next_try: datetime | None
    finished: datetime | None
    last_error: str


class RevocationDetail(RevocationView):
    """A revocation, whole.

    Attributes:
        proven: "not sent", "sent", "delivered, not proven", "confirmed", "failed", "released": as people read it.
        deliveries: its messages by target.
        history: what was done to it, the oldest first.
    """

    proven: str
    deliveries: list[DeliveryRow]
    history: list[Act]


class RevokeSubject(Request):
    """Whose sessions: a hashed session id, or for scope "user" the user's id."""

    model_config = _example({"app": "bank", "scope": "session", "subject": _SESSION})

    app: AppName
    scope: Scope = "session"
    subject: Annotated[str, StringConstraints(min_length=1, max_length=MAX_USER_ID)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.scope == "session" and not re.fullmatch(SESSION_PATTERN, self.subject):
            raise ValueError("subject: expected a hashed session id (s_...) for scope session")
        return self


class RevokeRequest(RevokeSubject):
    """A person ends a session or all of a user's. Send it with an `Idempotency-Key`.

    Attributes:
        reason: why, for the record; at least 3 characters.
        alert_id: the alert that it answers, where there is one.
    """

    model_config = _example({"app": "bank", "subject": _SESSION, "reason": "the user says that it is not her"})

    reason: Reason
    alert_id: str | None = Field(default=None, max_length=36)


class RevokePreview(Answer):
    """What a manual revocation would do.

    Attributes:
        would: send, suppress (dry run: shown, never sent), hold (no target of the app can do it), or nothing (it is
            being taken away already).
        why: in words.
        sessions: live sessions that it would end, at most 50 of them; `count` is how many there are.
        targets: the receivers that would be told.
    """

    app: str
    scope: Scope
    subject: str
    user_id: str | None
    would: Literal["send", "suppress", "hold", "nothing"]
    why: str
    count: int
    sessions: list[SessionRow]
    targets: list[str]


class ReasonRequest(Request):
    """Why a person approves, drops or releases a revocation, or has it delivered anew."""

    model_config = _example({"reason": "she called from the number that we know"})

    reason: Reason


# -- rules ----------------------------------------------------------------------------------------------------------


class RuleForApp(Answer):
    """A rule as it is set for one app."""

    mode: Mode
    severity: Severity | None
    parameters: dict[str, object]


class RuleView(Answer):
    """A rule in force.

    Attributes:
        severity: fixed by the configuration; None = by the evidence, at most `highest`.
        parameters: in force, durations as in the configuration.
        apps: where an app has settings of its own.
        alerts_7d: alerts raised in the last seven days.
        last_alert: when the newest was stored.
    """

    rule_id: str
    version: int
    title: str
    description: str
    key: str
    mode: Mode
    highest: Severity
    severity: Severity | None
    attack: list[str]
    needs: list[str]
    runbook: list[str]
    settle_s: float
    parameters: dict[str, object]
    apps: dict[str, RuleForApp]
    alerts_7d: int
    last_alert: datetime | None
    verdicts: VerdictCounts


class RuleList(Answer):
    """The rules."""

    items: list[RuleView]


# -- system ---------------------------------------------------------------------------------------------------------


class DeadLetterFacts(Answer):
    """Refused messages: how many are kept, and since when."""

    count: int
    last_hour: int
    oldest: datetime | None
    newest: datetime | None
    by_reason: dict[str, int]


class LaneFacts(Answer):
    """What waits in one lane of the outbox."""

    lane: str
    pending: int
    parked: int
    oldest_pending: datetime | None
    last_error: str


class RevocationFacts(Answer):
    """Revocations by how they stand.

    Attributes:
        unproven: delivered for more than 60 s and not confirmed, in the last day.
        confirm_p95_s: from requested to confirmed in the last day, seconds; None without any.
    """

    held: int
    failed: int
    unproven: int
    confirm_p95_s: float | None


class SystemView(Answer):
    """Can the rest be trusted? What the live or stale band is made of.

    Attributes:
        now: the pipeline's clock.
        live: the pipeline runs, Kafka answers and nothing waits to be read for long.
        problems: why not, in words without personal data.
        newest_event: event time of the newest committed event.
        newest_arrival: when a batch with events was last polled.
        behind_records: not yet read.
        lag_s: age of what is committed, seconds: 0 when everything has been read.
        events_per_s: over the last minute.
        dry_run: revocations are shown and never sent.
        dead_letters, outbox: None for a token that is limited to apps.
    """

    now: datetime
    version: str
    live: bool
    problems: list[str]
    started: datetime
    newest_event: datetime | None
    newest_arrival: datetime | None
    behind_records: int
    lag_s: float
    events_per_s: float
    dry_run: bool
    apps: list[str]
    alerts_open: int
    revocations: RevocationFacts
    dead_letters: DeadLetterFacts | None
    outbox: list[LaneFacts] | None
    rows: dict[str, int]


class DeadLetterRow(Answer):
    """A refused message. Its content is for admins alone and None for everybody else.

    Attributes:
        content: at most 64 KiB, with what may be a secret replaced; what is no UTF-8 is shown as U+FFFD.
    """

    topic: str
    partition: int
    offset: int
    arrival: datetime
    reason: str
    detail: str
    length: int
    sha256: str
    content: str | None = None


class DeadLetterPage(Answer):
    """Refused messages, the last to arrive first."""

    items: list[DeadLetterRow]
    next: str | None = None


class RedriveRequest(Request):
    """Which refused messages are sent through again.

    Attributes:
        dead_letter_reason: only those refused for it; None = for any.
        since: only those that arrived since; None = all that are kept.
    """

    model_config = _example({"reason": "the signing key was mended", "dead_letter_reason": "forged"})

    reason: Reason
    dead_letter_reason: str | None = Field(default=None, max_length=32, pattern=r"^[a-z_]+$")
    since: InstantText | None = None
    limit: Annotated[int, Field(ge=1, le=10_000)] = 10_000


class Redriven(Answer):
    """What a redrive did.

    Attributes:
        found: refused messages that were asked for.
        sent: read again from Kafka, and produced to the events topic anew.
        gone: no longer in Kafka (its retention has passed, or the topic was made anew).
        empty: tombstones: there is nothing to send.
    """

    found: int
    sent: int
    gone: int
    empty: int


Problem.model_rebuild()
