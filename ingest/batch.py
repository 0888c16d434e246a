"""The batch: one value that travels through the stages and is committed in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.judging import Judged
from ingest.source import Record
from schemas.alert import AlertChange
from schemas.event import Event
from schemas.revocation import Revocation
from schemas.signal import Signal
from store.rows import (
    AuditLine,
    CampaignRow,
    DeadLetter,
    Erasure,
    MemberRow,
    OutboxMessage,
    ReceivedRow,
    RiskRow,
    StepUpRow,
    StreamRow,
    TriageRow,
)


@dataclass(slots=True)
class Batch:
    """What one turn of the loop brings and what it leads to. Each stage reads what is above and fills its
    own.

    Attributes:
        arrival_us: the pipeline's clock at the poll, taken once a batch.
        records: poll. As they came, merged over the partitions by event time.
        commands: poll. Typed requests of delivery lanes, API and timers; only the respond stage knows them.
        events, dead_letters: decode; dedup takes duplicates out, enrich fills place and agent.
        duplicates: dedup. How many were excluded.
        signals: respond's first half (`observe`): facts of the pipeline's own, before detect.
        changes, risks, campaigns, members: detect.
        judged: detect. The events by day, each part with the signals that follow from it and are stored behind it.
        rule_errors: respond. The rules whose alerts people have found to be wrong.
        refusals: respond. Why a command was refused, by its place in `commands`.
        triage: respond. What people made of alerts.
        step_ups, facts: respond. Step-ups that changed, and what the pipeline must know of itself after a restart.
        streams, received: respond. Shared signals: receivers' streams, and tokens that were taken.
        revocations, messages, audit: respond. Rows to write; messages leave after the commit.
        erasures: respond. Names that the audit log is to forget.
    """

    arrival_us: int
    records: list[Record] = field(default_factory=list)
    commands: list[object] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    duplicates: int = 0
    signals: list[Signal] = field(default_factory=list)
    changes: list[AlertChange] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    risks: list[RiskRow] = field(default_factory=list)
    campaigns: list[CampaignRow] = field(default_factory=list)
    members: list[MemberRow] = field(default_factory=list)
    revocations: list[Revocation] = field(default_factory=list)
    messages: list[OutboxMessage] = field(default_factory=list)
    settled_messages: list[OutboxMessage] = field(default_factory=list)
    audit: list[AuditLine] = field(default_factory=list)
    erasures: list[Erasure] = field(default_factory=list)
    step_ups: list[StepUpRow] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    triage: list[TriageRow] = field(default_factory=list)
    streams: list[StreamRow] = field(default_factory=list)
    received: list[ReceivedRow] = field(default_factory=list)
    rule_errors: list[str] = field(default_factory=list)
    refusals: dict[int, str] = field(default_factory=dict)
