"""How the pipeline is, and what it has refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from schemas.api.response import PausedView
from schemas.api.shapes import Answer, InstantText, Reason, Request, example


class DeadLetterFacts(Answer):
    """Refused messages: how many are kept, and since when."""

    count: int
    last_hour: int
    oldest: datetime | None
    newest: datetime | None
    by_reason: dict[str, int]


class LaneFacts(Answer):
    """What waits in one lane of the outbox.

    Attributes:
        probe: when its receiver, which has failed in every last try, is tried next with one message: the circuit
            breaker is open. None = it is closed.
    """

    lane: str
    pending: int
    parked: int
    oldest_pending: datetime | None
    last_error: str
    probe: datetime | None = None


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
        paused: who has stopped everything that happens automatically; None = nobody has.
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
    paused: PausedView | None = None
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

    model_config = example({"reason": "the signing key was mended", "dead_letter_reason": "forged"})

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
