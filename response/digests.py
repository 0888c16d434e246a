"""The digests that the lead is mailed: each once, at its hour, and late rather than never."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from ingest.batch import Batch
from response.chat import Chat, ChatText
from response.commands import SendDigest
from response.digest_text import DigestKind, DigestWriter
from response.outcome import Outcome
from response.recurring import Recurring
from schemas.alert import Severity
from schemas.instant import DAY, MINUTE
from store.alert_search import RuleFacts
from store.digest import DigestFigures
from store.rows import AuditLine, OutboxMessage

KIND = "digest"
LANE = "digest"
LATE_US = 10 * MINUTE
"""A pipeline under load may be a minute late; beyond this it was not running at the hour."""
JUDGED_US = 30 * DAY
"""Verdicts so far back say how often a rule is wrong."""

_NAMESPACE = uuid.UUID("5e551094-4a7c-5c8e-9d0f-a1e27a1e270a")
_MAIL = ("mailto", "mailtos")


class Facts(Protocol):
    """What the pipeline has stored about itself."""

    def fact(self, name: str) -> str | None:
        """Return a fact by its name."""


class DigestRecords(Facts, Protocol):
    """What is asked of the store, in the batch loop's thread."""

    def digest_figures(self, since_us: int, until_us: int) -> DigestFigures:
        """Return the figures of a time; both microseconds since the epoch."""

    def rule_facts(self, week_us: int, month_us: int) -> dict[str, RuleFacts]:
        """Return by rule how it did: alerts since the first instant, verdicts since the second."""


class DigestMail:
    """Mails the lead.

    Args:
        url: an Apprise address of a mail service; it may hold a password and is never shown.

    Raises:
        ChatRefused: it is no mail address, or Apprise cannot use it.
    """

    lane = LANE

    def __init__(self, url: str) -> None:
        self._chat = Chat(url, allowed=_MAIL)

    def __repr__(self) -> str:
        return "DigestMail(…)"

    def deliver(self, messages: Sequence[OutboxMessage]) -> list[Outcome]:
        """Mail each message by itself."""
        return [self._chat.deliver([message])[0] for message in messages]


class Rhythm(msgspec.Struct, frozen=True):
    """When a digest is due, and who puts it into words."""

    hour: Recurring
    writer: DigestWriter


class Digests:
    """Makes digests on the pipeline's clock. What was told until when is stored in the batch that tells it.

    Args:
        plan: none of a kind = it is not wanted.
        records: the store.
    """

    def __init__(self, plan: Mapping[DigestKind, Rhythm], records: DigestRecords) -> None:
        self._plan = dict(plan)
        self._records = records
        self._told_us: dict[DigestKind, int] = {}

    def restore(self) -> None:
        """Take up what an earlier run has told."""
        for kind in self._plan:
            told_us = told_until(self._records, kind)
            if told_us is not None:
                self._told_us[kind] = told_us

    def is_due(self, now_us: int) -> bool:
        """Return whether one is to be told, or its beginning to be noted.

        Args:
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        return any(self._next(kind) <= now_us for kind in self._plan)

    def messages(self, batch: Batch) -> list[OutboxMessage]:
        """Return the digests that are due."""
        made = []
        for kind, rhythm in self._plan.items():
            if self._next(kind) > batch.arrival_us:
                continue
            due_us, told_us = rhythm.hour.last(batch.arrival_us), self._told_us.get(kind)
            self._told_us[kind] = due_us
            batch.facts[_fact(kind)] = str(due_us)
            # Without an earlier one the first begins now: nobody asked for what was before.
            if told_us is not None:
                made.append(self._message(kind, told_us, due_us, batch.arrival_us))
        return made

    def send(self, batch: Batch, command: SendDigest) -> str:
        """Tell one now, besides the one at its hour; return why not, or an empty text."""
        if command.kind not in self._plan:
            return f"no {command.kind} digest is configured: [digest] {command.kind}"
        now_us, told_us = batch.arrival_us, self._told_us.get(command.kind, batch.arrival_us - DAY)
        subject = f"{command.kind} {KIND}"
        batch.messages.append(self._message(command.kind, told_us, now_us, now_us, by_hand=True))
        batch.audit.append(AuditLine(now_us, command.by, "digest asked for", subject))
        return ""

    def _next(self, kind: DigestKind) -> int:
        told_us = self._told_us.get(kind)
        return 0 if told_us is None else self._plan[kind].hour.following(told_us)

    def _message(
        self, kind: DigestKind, since_us: int, until_us: int, now_us: int, *, by_hand: bool = False
    ) -> OutboxMessage:
        rhythm = self._plan[kind]
        due_us = rhythm.hour.following(since_us)
        late_since_us = due_us if now_us - due_us > LATE_US and not by_hand else None
        text = rhythm.writer.write(
            kind,
            self._records.digest_figures(since_us, until_us),
            self._records.rule_facts(since_us, now_us - JUDGED_US),
            late_since_us,
        )
        payload = msgspec.json.encode(ChatText(Severity.INFO, text.title, text.body)).decode()
        return OutboxMessage(
            message_id=str(uuid.uuid5(_NAMESPACE, f"{kind}:{until_us}:{by_hand}")),
            lane=LANE,
            kind=KIND,
            ordering_key=KIND,
            subject=f"{kind} {KIND}",
            payload=payload,
            created_us=now_us,
        )


def told_until(facts: Facts, kind: DigestKind) -> int | None:
    """Return until when a digest has told, microseconds since the epoch; None = there was none yet."""
    told = facts.fact(_fact(kind))
    return None if told is None else int(told)


def _fact(kind: DigestKind) -> str:
    return f"{kind} digest until"
