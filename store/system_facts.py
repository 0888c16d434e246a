"""Whether the rest can be trusted: refused messages, what waits to leave, and how far the events reach."""

from __future__ import annotations

import msgspec

from store.reading import Reading
from store.rows import DeadLetter

LATEST_US = 4_102_444_800_000_000

NEWEST_EVENT = "SELECT epoch_us(max(event_time)), epoch_us(max(arrival)) FROM events"
REFUSED = """
SELECT reason, count(*), count(*) FILTER (arrival >= make_timestamp($hour)), epoch_us(min(arrival)),
    epoch_us(max(arrival))
FROM dead_letters GROUP BY reason ORDER BY count(*) DESC
"""
LANES = """
SELECT lane, count(*) FILTER (state = 'pending'), count(*) FILTER (state = 'parked'),
    epoch_us(min(created) FILTER (state = 'pending')),
    coalesce(arg_max(last_error, place) FILTER (state IN ('pending', 'parked') AND last_error <> ''), '')
FROM outbox GROUP BY lane ORDER BY lane
"""
REFUSED_PAGE = """
SELECT topic, kafka_partition, kafka_offset, epoch_us(arrival), reason, detail, length, sha256,
    CASE WHEN $with_content THEN content ELSE ''::BLOB END
FROM dead_letters
WHERE ($reason::VARCHAR IS NULL OR reason = $reason)
    AND arrival >= make_timestamp($since)
    AND (arrival, topic, kafka_partition, kafka_offset)
        < (make_timestamp($after_time), $after_topic, $after_partition::INTEGER, $after_offset::BIGINT)
ORDER BY arrival DESC, topic DESC, kafka_partition DESC, kafka_offset DESC LIMIT $limit
"""


class Refused(msgspec.Struct, frozen=True):
    """Refused messages of one reason that are kept; instants are microseconds since the epoch."""

    reason: str
    count: int
    last_hour: int
    oldest_us: int
    newest_us: int


class LaneStanding(msgspec.Struct, frozen=True):
    """What waits in a lane of the outbox."""

    lane: str
    pending: int
    parked: int
    oldest_pending_us: int | None
    last_error: str


class SystemFacts(Reading):
    """Queries for whoever operates the pipeline."""

    def newest_event(self) -> tuple[int | None, int | None]:
        """Return the newest event time and the newest arrival, microseconds since the epoch; None without events."""
        row = self._row(NEWEST_EVENT)
        return (None, None) if row is None else (row[0], row[1])

    def refused(self, hour_us: int) -> list[Refused]:
        """Return refused messages by reason, the most frequent first.

        Args:
            hour_us: which of them are of the last hour, microseconds since the epoch.
        """
        return [Refused(*row) for row in self._rows(REFUSED, {"hour": hour_us})]

    def lanes_standing(self) -> list[LaneStanding]:
        """Return what waits, lane by lane."""
        return [LaneStanding(*row) for row in self._rows(LANES)]

    def refused_page(
        self,
        *,
        reason: str | None = None,
        since_us: int = 0,
        after: tuple[int, str, int, int] | None = None,
        with_content: bool = False,
        limit: int = 100,
    ) -> list[DeadLetter]:
        """Return refused messages, the last to arrive first.

        Args:
            reason: only those refused for it; None for all.
            since_us: earliest arrival, microseconds since the epoch.
            after: arrival, topic, partition and offset of the last of the page before.
            with_content: for admins alone; else it is empty.
            limit: most rows.
        """
        after_time, after_topic, after_partition, after_offset = after or (LATEST_US, "", 0, 0)
        parameters = {
            "reason": reason,
            "since": since_us,
            "after_time": after_time,
            "after_topic": after_topic,
            "after_partition": after_partition,
            "after_offset": after_offset,
            "with_content": with_content,
            "limit": limit,
        }
        return [DeadLetter(*row) for row in self._rows(REFUSED_PAGE, parameters)]
