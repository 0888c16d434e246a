"""The outbox as people look at it: what has not left, and why."""

from __future__ import annotations

from collections.abc import Collection

from store import outbox_rows
from store.reading import Reading
from store.rows import OutboxMessage, OutboxState

LATEST_PLACE = 2**62

OUTBOX_PAGE = f"""
SELECT {outbox_rows.SELECTED}, place FROM outbox
WHERE ($lane::VARCHAR IS NULL OR lane = $lane)
    AND ($message_id::VARCHAR IS NULL OR message_id = $message_id)
    AND ($states::VARCHAR[] IS NULL OR list_contains($states, state))
    AND place < $before
ORDER BY place DESC LIMIT $limit
"""


ENQUEUED_SINCE = """
SELECT ordering_key, epoch_us(max(created)) FROM outbox
WHERE kind = $kind AND created >= make_timestamp($since) GROUP BY ordering_key
"""


class OutboxSearch(Reading):
    """Queries over the messages that leave."""

    def outbox_page(
        self,
        *,
        lane: str | None = None,
        message_id: str | None = None,
        states: Collection[OutboxState] | None = None,
        before: int = LATEST_PLACE,
        limit: int = 100,
    ) -> list[tuple[OutboxMessage, int]]:
        """Return messages with their place in the order of enqueuing, the last enqueued first.

        Args:
            lane, message_id, states: only these; None = all.
            before: the place of the last of the page before.
            limit: most rows.
        """
        parameters = {
            "lane": lane,
            "message_id": message_id,
            "states": None if states is None else list(states),
            "before": before,
            "limit": limit,
        }
        rows = self._rows(OUTBOX_PAGE, parameters)
        return [(outbox_rows.message_of(row[:-1]), row[-1]) for row in rows]

    def enqueued_since(self, kind: str, since_us: int) -> list[tuple[str, int]]:
        """Return the ordering keys of messages of a kind, and when the newest of each was enqueued.

        Args:
            kind: of the messages.
            since_us: enqueued since, microseconds since the epoch; so is what is returned.
        """
        return self._rows(ENQUEUED_SINCE, {"kind": kind, "since": since_us})
