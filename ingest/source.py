"""Kafka as the batch loop sees it: records in event-time order over the partitions, and where they end."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import structlog

from ingest.connection import SourceError
from ingest.fetch import FetchLoop
from ingest.intake import Intake
from ingest.lag import GroupOffsets
from ingest.record import Gap, Record, peek_time_us

__all__ = ["Gap", "KafkaSource", "Record", "SourceError", "peek_time_us"]

log = structlog.get_logger(__name__)

_AHEAD_US = 30 * 1_000_000
# What all partitions together may hold in memory before they are due.
_BUFFER_BYTES = 64 * 1024 * 1024


class KafkaSource:
    """Reads one topic from the positions that the store keeps.

    Partitions are assigned, not subscribed; records of several partitions come merged by event time, those of
    one partition in its order (decisions 4 and 13). All methods but `wake` belong to one thread. What the
    methods and properties say changes in `poll` only, so that a batch and its positions fit each other.

    Args:
        settings: kafka-python's own names and values (bootstrap_servers, security_protocol, sasl_…, ssl_…).
        topic: its name; it has to exist (`ingest.topics.ensure_topic`).
        group: where positions are committed for lag tools.
        positions: partition → next offset, from the store; a partition without one is read from its earliest.
        stored_uuid: the topic's identity that is stored with the positions; None = none is stored.
        max_poll_records: most records of one `poll`.
        align_ahead_us: how far one partition may run ahead of the slowest, microseconds of event time.
        connect_timeout_s: how long to wait for the first connection, in seconds.

    Raises:
        SourceError: no connection, no right, no such topic, a wrong setting: in one line.
    """

    def __init__(
        self,
        settings: Mapping[str, object],
        topic: str,
        group: str,
        positions: Mapping[int, int] | None = None,
        stored_uuid: str | None = None,
        *,
        max_poll_records: int = 5000,
        align_ahead_us: int = _AHEAD_US,
        connect_timeout_s: float = 10.0,
    ) -> None:
        if importlib.util.find_spec("crc32c") is None:
            log.warning("kafka-slow", reason="crc32c is not installed", effect="a fifth of the speed or less")
        self._positions = dict(positions or {})
        self._gaps: list[Gap] = []
        self._max_poll_records = max_poll_records
        self._intake = Intake(align_ahead_us, 2 * max_poll_records, _BUFFER_BYTES)
        self._fetch = FetchLoop(settings, topic, self._positions, stored_uuid, self._intake, connect_timeout_s)
        try:
            self._group = GroupOffsets(settings, topic, group, connect_timeout_s)
        except SourceError:
            self._fetch.close()
            raise
        self._topic_uuid = stored_uuid if stored_uuid is not None else self._fetch.identity.uuid
        self._uuids = dict.fromkeys(self._positions, self._topic_uuid)

    def poll(self, timeout_ms: int) -> list[Record]:
        """Return the next records, at most `max_poll_records`.

        Args:
            timeout_ms: how long to wait when nothing is due, in milliseconds.

        Returns:
            Records in about event-time order; empty when time is up, after `wake`, or when a gap was met.

        Raises:
            SourceError: reading has ended for good. An outage never does that: see `connected`.
        """
        records: list[Record] = []
        for item in self._intake.take(self._max_poll_records, timeout_ms / 1000):
            if isinstance(item, Record):
                self._positions[item.partition] = item.offset + 1
                records.append(item)
            else:
                self._positions[item.partition] = item.start
                self._uuids[item.partition] = item.topic_uuid
                self._gaps.append(item)
        return records

    def positions(self) -> dict[int, int]:
        """Return by partition the offset after the last record returned: what to store with the batch."""
        return dict(self._positions)

    @property
    def topic_uuid(self) -> str:
        """The topic's identity, to be stored with the positions.

        While a topic that was made anew is being taken over it stays the old one until every partition has
        been: a restart in between then begins again, which dedup sorts out, and skips nothing.
        """
        known = set(self._uuids.values())
        if len(known) == 1:
            (self._topic_uuid,) = known
        return self._topic_uuid

    def take_gaps(self) -> list[Gap]:
        """Return the gaps that `poll` met since the last call."""
        gaps, self._gaps = self._gaps, []
        return gaps

    @property
    def stream_time_us(self) -> int | None:
        """Least of the newest event times returned, over the partitions that are not at their end.

        Microseconds since the epoch; None when all are at their end: then use the clock.
        """
        return self._intake.stream_time_us()

    def lag(self) -> dict[int, int]:
        """Return by partition how many records are still to come, as far as known."""
        return {
            partition: max(0, highwater - self._positions.get(partition, 0))
            for partition, highwater in self._intake.highwaters().items()
        }

    @property
    def connected(self) -> bool:
        """Whether a broker is connected and lets us read."""
        return self._fetch.connected

    @property
    def commit_errors(self) -> int:
        """How many commits for lag tools have failed."""
        return self._group.errors

    def commit_for_lag_tools(self, positions: Mapping[int, int]) -> None:
        """Commit positions to the group, without waiting; errors are counted in `commit_errors`."""
        self._group.commit(positions)

    def wake(self) -> None:
        """Make a waiting `poll`, or else the next one, return at once. Any thread may call this."""
        self._intake.wake()

    def close(self) -> None:
        """Stop reading and disconnect; takes 3 s at most, whatever the broker does."""
        commit = self.connected
        self._fetch.close()
        self._group.close(commit=commit)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
