"""What the figures are held against."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable

from kafka import KafkaConsumer, TopicPartition


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds, of all threads of this process, that some work takes."""
    before = time.process_time()
    work()
    return time.process_time() - before


def bare_json(values: Iterable[bytes]) -> float:
    """Return the CPU seconds of `json.loads` over the values, and nothing else."""

    def work() -> None:
        for value in values:
            json.loads(value)

    return cpu_seconds(work)


def bare_kafka(bootstrap: str, topic: str, count: int) -> float:
    """Return the CPU seconds in which kafka-python hands the records of a topic over, and nothing else."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, max_poll_records=5_000, auto_offset_reset="earliest"
    )
    try:
        consumer.assign([TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))])
        consumer.seek_to_beginning()

        def work() -> None:
            left = count
            while left > 0:
                left -= sum(map(len, consumer.poll(timeout_ms=1_000, max_records=5_000).values()))

        return cpu_seconds(work)
    finally:
        consumer.close()
