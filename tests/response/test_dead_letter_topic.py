from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition

from response.dead_letter_topic import TopicProducer, dead_letter_messages
from response.outcome import DELIVERED
from tests.response.given import Pipeline, letter


def test_a_dead_letter_tells_reason_hash_and_place_and_nothing_else() -> None:
    [message] = dead_letter_messages([letter(7)], "dlq", 5)
    assert (message.ordering_key, message.lane) == ("session-events-0-7", "topic:dlq")
    assert json.loads(message.payload) == {
        "topic": "session-events", "partition": 0, "offset": 7, "reason": "not_json", "sha256": "ab" * 32,
    }  # fmt: skip


def test_a_place_that_a_topic_made_anew_uses_again_is_announced_again(pipeline: Callable[..., Pipeline]) -> None:
    one = pipeline(dead_letter_topic="dlq-test-3")
    one.turn(dead_letters=[letter(7)])
    one.turn(dead_letters=[letter(7)])
    assert len(one.reader.pending_messages()) == 2


def test_the_stage_announces_what_was_refused(pipeline: Callable[..., Pipeline], broker: str) -> None:
    with closing(TopicProducer("dlq-test-2", [broker])) as producer:
        one = pipeline(topics=[producer], dead_letter_topic="dlq-test-2")
        one.turn(dead_letters=[letter(n) for n in range(600)])
        one.until(lambda: one.reader.pending_messages() == [], within_s=10)
    assert one.acts() == []


def test_what_is_written_can_be_read_by_its_key(broker: str) -> None:
    messages = dead_letter_messages([letter(n) for n in range(20)], "dlq-test", 5)
    with closing(TopicProducer("dlq-test", [broker])) as producer:
        assert producer.deliver(messages) == [DELIVERED] * 20
    assert sorted(read_keys(broker, "dlq-test")) == sorted(message.ordering_key.encode() for message in messages)


def read_keys(broker: str, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=broker, auto_offset_reset="earliest", enable_auto_commit=False)
    with closing(consumer):
        places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(places)
        keys: list[bytes] = []
        for _ in range(50):
            for records in consumer.poll(timeout_ms=100).values():
                keys += [record.key for record in records]
            ends = [consumer.highwater(place) for place in places]
            if None not in ends and len(keys) == sum(ends):
                break
    return keys


def test_a_broker_that_is_not_there_is_a_try_that_failed() -> None:
    with closing(TopicProducer("dlq-test", ["127.0.0.1:1"])) as producer:
        [outcome] = producer.deliver(dead_letter_messages([letter(1)], "dlq-test", 5))
    assert outcome.kind == "retry"
    assert "cannot reach Kafka" in outcome.detail
