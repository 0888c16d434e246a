"""Alerts, and what a person makes of one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import StringConstraints, model_validator

from schemas.alert import AlertKey, EvidenceView, Mode, Severity, Status
from schemas.api.people import Act
from schemas.api.risks import RiskView
from schemas.api.shapes import MAX_NOTE, Answer, Request, example
from schemas.revocation import RevocationView, Scope, State

Verdict = Literal["benign", "false_alarm", "confirmed"]

Triage = Literal["new", "acknowledged", "resolved"]
"""The statuses that people set; `withdrawn` belongs to the detectors."""

Note = Annotated[str, StringConstraints(max_length=MAX_NOTE, strip_whitespace=True)]


class RevocationBrief(Answer):
    """How far the newest revocation of an alert's session has come."""

    revocation_id: str
    scope: Scope
    state: State
    note: str


class CampaignBrief(Answer):
    """The campaign that an alert belongs to, as far as the caller may see its alerts."""

    campaign_id: str
    title: str
    severity: Severity
    alerts: int
    open: int
    users: int
    sessions: int


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
        campaign_id: of the campaign that it belongs to.
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
    campaign_id: str | None = None


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
        user_risk, session_risk: what all alerts about them add up to now; None where the alert names none.
        campaign: the one that it belongs to.
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
    user_risk: RiskView | None = None
    session_risk: RiskView | None = None
    campaign: CampaignBrief | None = None


class AlertPatch(Request):
    """What a person makes of an alert. Every one is an audit line with who, when and why.

    Attributes:
        status: new, acknowledged or resolved.
        verdict: what it was; resolves the alert, and assigns it to whoever decides.
        note: kept with the alert, replaces the one before.
        assign: "take" = mine now; "give_back" = nobody's.
        undo: take the caller's own last change back; alone.
    """

    model_config = example({"verdict": "false_alarm", "note": "the office has a new provider"}, {"assign": "take"})

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
