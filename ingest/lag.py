"""The group's offsets in Kafka: for lag tools only, nothing is ever read from them."""

from __future__ import annotations

import time
from collections.abc import Mapping

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from ingest.connection import in_one_line, settings_for

_INTERVAL_S = 1.0


class GroupOffsets:
    """Commits positions to a consumer group now and then, without waiting; a failure is only counted.

    It has a connection of its own, so that a missing right on the group never holds up reading.

    Args:
        settings: kafka-python's own names and values.
        topic: the topic that the positions belong to.
        group: the consumer group.
        timeout_s: how long to wait for the first connection, in seconds.

    Raises:
        SourceError: no connection.
    """

    def __init__(self, settings: Mapping[str, object], topic: str, group: str, timeout_s: float) -> None:
        self.errors = 0
        self._topic = topic
        self._positions: dict[int, int] = {}
        self._due = 0.0
        with in_one_line(settings):
            self._consumer = KafkaConsumer(
                **{"bootstrap_timeout_ms": int(timeout_s * 1000), "reconnect_backoff_max_ms": 1000}
                | settings_for(KafkaConsumer, settings)
                | {"group_id": group, "enable_auto_commit": False, "allow_auto_create_topics": False}
            )

    def commit(self, positions: Mapping[int, int]) -> None:
        """Commit positions (partition → next offset), at most once a second; newer ones wait."""
        self._positions |= positions
        now = time.monotonic()
        if now < self._due or not self._positions:
            return
        self._due = now + _INTERVAL_S
        try:
            self._consumer.commit_async(self._offsets(), callback=self._answered)
        except KafkaError:
            self.errors += 1

    def close(self, *, commit: bool) -> None:
        """Disconnect; before that, commit the newest positions if asked to, for at most half a second."""
        try:
            if commit and self._positions:
                self._consumer.commit(self._offsets(), timeout_ms=500)
        except KafkaError:
            self.errors += 1
        finally:
            self._consumer.close(autocommit=False, timeout_ms=500)

    def _offsets(self) -> dict[TopicPartition, OffsetAndMetadata]:
        return {
            TopicPartition(self._topic, partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in self._positions.items()
        }

    def _answered(self, _offsets: object, answer: object) -> None:
        if isinstance(answer, Exception):
            self.errors += 1
