"""The outbox: what has not left and why, and how the response stands."""

from __future__ import annotations

from collections.abc import Sequence

from response.pause import PAUSED, read_paused
from schemas.api import OutboxDone, OutboxPage, OutboxRow, PausedView, ResponseState
from schemas.instant import DAY, MINUTE, to_datetime
from sessionwatch.api.asker import Asker
from sessionwatch.api.cursor import from_cursor, to_cursor
from store.outbox_search import LATEST_PLACE
from store.rows import OutboxMessage, OutboxState


def outbox_page(
    asker: Asker, states: Sequence[OutboxState] | None, lane: str | None, cursor: str | None, limit: int
) -> OutboxPage:
    """Return a page of messages, the last enqueued first.

    Args:
        asker: who asks.
        states, lane: only these; None = all.
        cursor: where the page before ended.
        limit: most rows.

    Raises:
        Refusal: the cursor is none of this list.
    """
    before = from_cursor(cursor, tuple[int])
    rows = asker.reader.outbox_page(
        lane=lane, states=states, before=LATEST_PLACE if before is None else before[0], limit=limit + 1
    )
    shown = rows[:limit]
    following = to_cursor((shown[-1][1],)) if len(rows) > limit else None
    return OutboxPage(items=[_row(message) for message, _ in shown], next=following)


def outbox_done(asker: Asker, lane: str, message_id: str | None) -> OutboxDone:
    """Return to how many messages the last act on a lane, or on one message, was done."""
    last = asker.reader.acts([message_id or lane])[-1]
    return OutboxDone(lane=lane, messages=int(last.details.get("messages", 0)))


def paused_view(asker: Asker) -> PausedView | None:
    """Return who has paused the response; None = it is not paused."""
    paused = read_paused(asker.reader.fact(PAUSED))
    return None if paused is None else PausedView(by=paused.by, reason=paused.reason, at=to_datetime(paused.at_us))


def response_state(asker: Asker) -> ResponseState:
    """Return whether anything is ended automatically."""
    now_us = asker.now_us()
    standing = asker.reader.standing(now_us - DAY, now_us - MINUTE, asker.principal.visible())
    return ResponseState(
        paused=paused_view(asker), dry_run=asker.installation.settings.response.dry_run, held=standing.held
    )


def _row(message: OutboxMessage) -> OutboxRow:
    return OutboxRow(
        message_id=message.message_id,
        lane=message.lane,
        kind=message.kind,
        subject=message.subject,
        state=message.state,
        attempts=message.attempts,
        created=to_datetime(message.created_us),
        next_try=to_datetime(message.next_try_us) if message.state == "pending" and message.next_try_us else None,
        finished=None if message.finished_us is None else to_datetime(message.finished_us),
        last_error=message.last_error,
    )
