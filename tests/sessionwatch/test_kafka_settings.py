"""Settings of kafka-python, passed through under their own names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from sessionwatch.config.kafka import (
    OWN,
    PYTHON_OBJECTS,
    SET_BY_THE_PIPELINE,
    SETTINGS_OF_BOTH,
    SETTINGS_OF_CONSUMERS,
    SETTINGS_OF_PRODUCERS,
    KafkaSettings,
)

if TYPE_CHECKING:
    from tests.sessionwatch.conftest import Read

CONSUMER = set(KafkaConsumer.DEFAULT_CONFIG)
PRODUCER = set(KafkaProducer.DEFAULT_CONFIG)
ADMIN = set(KafkaAdminClient.DEFAULT_CONFIG)
OFFERED = set(KafkaSettings.model_fields) - OWN


def test_every_setting_of_the_clients_is_offered_or_refused_with_a_reason() -> None:
    assert OFFERED | SET_BY_THE_PIPELINE.keys() | PYTHON_OBJECTS == CONSUMER | PRODUCER | ADMIN


def test_each_client_knows_what_it_is_given() -> None:
    common = OFFERED - SETTINGS_OF_CONSUMERS - SETTINGS_OF_PRODUCERS - SETTINGS_OF_BOTH
    assert common <= CONSUMER & PRODUCER & ADMIN
    assert SETTINGS_OF_BOTH <= CONSUMER & PRODUCER
    assert SETTINGS_OF_CONSUMERS <= CONSUMER
    assert SETTINGS_OF_PRODUCERS <= PRODUCER


def test_what_is_left_out_keeps_the_clients_default(read: Read) -> None:
    assert read("").kafka.client() == {"bootstrap_servers": ["127.0.0.1:9092"]}


def test_settings_reach_the_clients_that_know_them(read: Read) -> None:
    kafka = read(
        """
        [kafka]
        security_protocol = "SASL_SSL"
        sasl_mechanism = "SCRAM-SHA-512"
        sasl_plain_username = "pipeline"
        ssl_cafile = "/etc/ca.pem"
        fetch_min_bytes = 1
        linger_ms = 5
        ssl_ciphers = "HIGH"
        """
    ).kafka
    shared: dict[str, Any] = {
        "bootstrap_servers": ["127.0.0.1:9092"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "pipeline",
        "ssl_cafile": "/etc/ca.pem",
    }
    assert kafka.client() == shared
    assert kafka.consumer() == shared | {"fetch_min_bytes": 1, "ssl_ciphers": "HIGH"}
    assert kafka.producer() == shared | {"linger_ms": 5, "ssl_ciphers": "HIGH"}
