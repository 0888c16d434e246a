"""Alerts on a topic, by a real broker."""

from __future__ import annotations

import uuid
from contextlib import closing

import msgspec
from kafka import KafkaConsumer
from kafka.structs import TopicPartition

from ingest.topics import ensure_topic
from response.dead_letter_topic import TopicProducer
from tests.response.siem.given import message
from tests.response.siem.published_schemas import ocsf_problems


def test_the_key_is_the_alert_and_the_value_its_document(broker: str) -> None:
    topic = f"session-alerts-{uuid.uuid4()}"
    ensure_topic({"bootstrap_servers": [broker]}, topic, partitions=1)
    way = TopicProducer(topic, [broker], lane="siem:soc")
    with closing(way):
        assert [one.kind for one in way.deliver([message(1), message(2)])] == ["ok", "ok"]
    reader = KafkaConsumer(bootstrap_servers=[broker], auto_offset_reset="earliest", consumer_timeout_ms=5_000)
    with closing(reader):
        reader.assign([TopicPartition(topic, 0)])
        records = [next(reader), next(reader)]
    assert [record.key for record in records] == [b"alert-1", b"alert-2"]
    assert ocsf_problems(msgspec.json.decode(records[0].value)) == []


def test_a_broker_that_is_away_is_tried_again() -> None:
    with closing(TopicProducer("session-alerts", ["127.0.0.1:1"], lane="siem:soc")) as way:
        assert way.lane == "siem:soc"
        assert {one.kind for one in way.deliver([message(1), message(2)])} == {"retry"}
