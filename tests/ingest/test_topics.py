"""Topics: found, made, and told from others of the same name."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from ingest.connection import SourceError
from ingest.topics import ensure_topic
from tests.kafka.apache import ApacheKafka


def test_a_missing_topic_is_made_with_its_partitions(kafka: str) -> None:
    made = ensure_topic({"bootstrap_servers": kafka}, f"made-{uuid4()}", partitions=3)
    assert made.partitions == 3
    assert UUID(made.uuid).int


def test_a_topic_that_is_there_is_left_as_it_is(kafka: str) -> None:
    name = f"there-{uuid4()}"
    made = ensure_topic({"bootstrap_servers": kafka}, name, partitions=2)
    assert ensure_topic({"bootstrap_servers": kafka}, name, partitions=6) == made


@pytest.mark.apache
def test_a_name_that_no_topic_can_have_is_refused_in_one_line(apache: ApacheKafka) -> None:
    with pytest.raises(SourceError, match=r"^Kafka at .*InvalidTopic.*$"):
        ensure_topic({"bootstrap_servers": apache.bootstrap_servers}, "not a name")


def test_no_broker_is_said_in_one_line_with_what_to_do() -> None:
    with pytest.raises(SourceError, match=r"^Kafka at 127\.0\.0\.1:1 does not answer .*sessionwatch broker"):
        ensure_topic({"bootstrap_servers": "127.0.0.1:1"}, "session-events", timeout_s=0.3)


def test_an_unknown_setting_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(SourceError, match=r"sasl_mecanism.*did you mean sasl_mechanism"):
        ensure_topic({"sasl_mecanism": "PLAIN"}, "session-events")


def test_a_misspelt_security_protocol_never_means_plain_text() -> None:
    with pytest.raises(SourceError, match=r"unknown security_protocol 'SASL-SSL'"):
        ensure_topic({"security_protocol": "SASL-SSL"}, "session-events")
