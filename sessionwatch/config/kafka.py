"""`[kafka]`: the brokers, the topics, and whatever the client itself can be told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, model_validator

from sessionwatch.config.secret_source import SecretCommand, secret_source
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import Broker, Described, ResolvedPath, Secret, Topic

Count = Annotated[int, Field(ge=0, le=2**31 - 1), Described("whole number from 0 up")]

OWN = frozenset(
    {
        "events_topic", "dead_letter_topic", "group", "proxy_url_file", "sasl_plain_password_file",
        "socks5_proxy_file", "ssl_password_file", "proxy_url_command", "sasl_plain_password_command",
        "socks5_proxy_command", "ssl_password_command",
    }
)  # fmt: skip
"""Keys of ours; every other key of the section is a setting of kafka-python under its own name."""

_SECRETS = ("sasl_plain_password", "ssl_password", "proxy_url", "socks5_proxy")
"""Each has keys of the same name and `_file` and `_command` beside it."""

SETTINGS_OF_CONSUMERS = frozenset(
    {
        "check_crcs", "client_rack", "enable_incremental_fetch_sessions", "exclude_internal_topics",
        "fetch_max_bytes", "fetch_max_wait_ms", "fetch_min_bytes", "isolation_level",
        "max_partition_fetch_bytes", "max_poll_records",
    }
)  # fmt: skip
SETTINGS_OF_PRODUCERS = frozenset(
    {
        "batch_size", "compression_type", "delivery_timeout_ms", "linger_ms", "max_block_ms",
        "max_request_size",
    }
)  # fmt: skip
SETTINGS_OF_BOTH = frozenset({"allow_auto_create_topics", "metrics_enabled", "ssl_ciphers"})
"""Consumers and producers know them, the admin client does not."""

SET_BY_THE_PIPELINE = {
    "acks": "the pipeline always asks for every replica",
    "auto_commit_interval_ms": "offsets are stored with the events",
    "auto_offset_reset": "offsets are stored with the events",
    "consumer_timeout_ms": "the pipeline polls in its own rhythm",
    "enable_auto_commit": "offsets are stored with the events",
    "enable_idempotence": "the pipeline's producers are always idempotent",
    "group_id": 'use "group"',
    "group_instance_id": "the pipeline assigns partitions itself",
    "heartbeat_interval_ms": "the pipeline assigns partitions itself",
    "max_poll_interval_ms": "the pipeline assigns partitions itself",
    "metric_group_prefix": "the pipeline names its own metrics",
    "retries": "bounded by delivery_timeout_ms",
    "session_timeout_ms": "the pipeline assigns partitions itself",
    "transaction_timeout_ms": "the pipeline uses no Kafka transactions",
    "transactional_id": "the pipeline uses no Kafka transactions",
}
"""Client settings that would break what the pipeline promises, and why they cannot be set."""

PYTHON_OBJECTS = frozenset(
    {
        "default_offset_commit_callback", "kafka_client", "key_deserializer", "key_serializer",
        "metric_reporters", "partition_assignment_strategy", "partitioner", "sasl_oauth_token_provider",
        "selector", "socket_options", "ssl_context", "value_deserializer", "value_serializer",
    }
)  # fmt: skip
"""Client settings that only a program can give."""


class KafkaSettings(Section):
    """Brokers, topics, and the client's own settings: one left out keeps the client's default."""

    bootstrap_servers: Annotated[tuple[Broker, ...], Field(strict=False, min_length=1)] = Field(
        default=("127.0.0.1:9092",), description="Brokers to begin with."
    )
    events_topic: Topic = Field(default="session-events", description="Where apps send their events.")
    dead_letter_topic: Topic = Field(
        default="session-events-dlq", description="Gets reason, hash and place of every refused message."
    )
    group: Topic = Field(
        default="sessionwatch", description="Consumer group, for lag tools; positions live in the store."
    )

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] | None = Field(
        default=None, description="How brokers are spoken to."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "AWS_MSK_IAM"] | None = Field(
        default=None, description="How the client signs in."
    )
    sasl_plain_username: str | None = Field(default=None, description="User for PLAIN and SCRAM.")
    sasl_plain_password: Secret | None = Field(default=None, description="Password for PLAIN and SCRAM.")
    sasl_plain_password_file: ResolvedPath | None = Field(default=None, description="File that holds that password.")
    sasl_plain_password_command: SecretCommand | None = Field(
        default=None, description="Program that prints that password."
    )
    sasl_kerberos_name: str | None = Field(default=None, description="Kerberos principal.")
    sasl_kerberos_service_name: str | None = Field(default=None, description="Kerberos service.")
    sasl_kerberos_domain_name: str | None = Field(default=None, description="Kerberos domain.")
    ssl_cafile: ResolvedPath | None = Field(default=None, description="Certificate authorities (PEM).")
    ssl_certfile: ResolvedPath | None = Field(default=None, description="The client's certificate (PEM).")
    ssl_keyfile: ResolvedPath | None = Field(default=None, description="The client's private key (PEM).")
    ssl_crlfile: ResolvedPath | None = Field(default=None, description="Revoked certificates (PEM).")
    ssl_password: Secret | None = Field(default=None, description="Password of the private key.")
    ssl_password_file: ResolvedPath | None = Field(default=None, description="File that holds that password.")
    ssl_password_command: SecretCommand | None = Field(default=None, description="Program that prints that password.")
    ssl_check_hostname: bool | None = Field(default=None, description="Compare the certificate with the broker's name.")
    ssl_ciphers: str | None = Field(default=None, description="Allowed ciphers, in OpenSSL's notation.")
    # A proxy's URL may hold a password.
    proxy_url: Secret | None = Field(default=None, description="URL of a proxy to the brokers.")
    proxy_url_file: ResolvedPath | None = Field(default=None, description="File that holds that URL.")
    proxy_url_command: SecretCommand | None = Field(default=None, description="Program that prints that URL.")
    socks5_proxy: Secret | None = Field(default=None, description="URL of a SOCKS5 proxy to the brokers.")
    socks5_proxy_file: ResolvedPath | None = Field(default=None, description="File that holds that URL.")
    socks5_proxy_command: SecretCommand | None = Field(default=None, description="Program that prints that URL.")

    client_id: str | None = Field(default=None, description="Name in the brokers' logs.")
    client_rack: str | None = Field(default=None, description="Rack, for reads from the nearest replica.")
    client_dns_lookup: str | None = Field(default=None, description="How broker names are resolved.")
    bootstrap_timeout_ms: Count | None = Field(default=None, description="How long the first connection may take.")
    request_timeout_ms: Count | None = Field(default=None, description="How long a request may take.")
    retry_backoff_ms: Count | None = Field(default=None, description="Pause before a retry.")
    reconnect_backoff_ms: Count | None = Field(default=None, description="First pause before a reconnection.")
    reconnect_backoff_max_ms: Count | None = Field(default=None, description="Longest pause before a reconnection.")
    connections_max_idle_ms: Count | None = Field(default=None, description="When an idle connection is closed.")
    max_in_flight_requests_per_connection: Count | None = Field(default=None, description="Requests under way at once.")
    metadata_max_age_ms: Count | None = Field(default=None, description="When metadata is asked for again.")
    receive_message_max_bytes: Count | None = Field(default=None, description="Largest answer of a broker.")
    receive_buffer_bytes: Count | None = Field(default=None, description="Socket's receive buffer.")
    send_buffer_bytes: Count | None = Field(default=None, description="Socket's send buffer.")
    api_version: Annotated[tuple[int, ...], Field(strict=False, min_length=2, max_length=3)] | None = Field(
        default=None, description="The brokers' version, where it cannot be asked."
    )
    allow_auto_create_topics: bool | None = Field(default=None, description="Let brokers create topics when asked.")
    metrics_enabled: bool | None = Field(default=None, description="Whether the client measures itself.")
    metrics_num_samples: Count | None = Field(default=None, description="Samples that its measures keep.")
    metrics_sample_window_ms: Count | None = Field(default=None, description="Window of one sample.")

    fetch_max_wait_ms: Count | None = Field(default=None, description="How long a broker may wait for enough to send.")
    fetch_min_bytes: Count | None = Field(default=None, description="What is enough to send.")
    fetch_max_bytes: Count | None = Field(default=None, description="Largest answer to one fetch.")
    max_partition_fetch_bytes: Count | None = Field(default=None, description="Largest part of one partition in it.")
    max_poll_records: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Most records of one batch.")
    check_crcs: bool | None = Field(default=None, description="Verify checksums of what is read.")
    isolation_level: Literal["read_uncommitted", "read_committed"] | None = Field(
        default=None, description="Whether records of open transactions are read."
    )
    enable_incremental_fetch_sessions: bool | None = Field(default=None, description="Fetch sessions (KIP-227).")
    exclude_internal_topics: bool | None = Field(default=None, description="Hide the brokers' own topics.")

    compression_type: Literal["gzip", "snappy", "lz4", "zstd"] | None = Field(
        default=None, description="Compression of what is sent."
    )
    batch_size: Count | None = Field(default=None, description="Bytes that one sent batch gathers.")
    linger_ms: Count | None = Field(default=None, description="How long a batch waits for more.")
    max_block_ms: Count | None = Field(default=None, description="How long sending may wait for metadata.")
    max_request_size: Count | None = Field(default=None, description="Largest request that is sent.")
    delivery_timeout_ms: Count | None = Field(default=None, description="How long a record is tried.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.events_topic == self.dead_letter_topic:
            raise ValueError("events_topic and dead_letter_topic must differ: a dead letter would be read as an event")
        for name in _SECRETS:
            secret_source(self, name).check()
        return self

    def client(self) -> dict[str, Any]:
        """Return what every client takes, under kafka-python's own names."""
        return self._without(SETTINGS_OF_CONSUMERS | SETTINGS_OF_PRODUCERS | SETTINGS_OF_BOTH)

    def consumer(self) -> dict[str, Any]:
        """Return what a consumer takes."""
        return self._without(SETTINGS_OF_PRODUCERS)

    def producer(self) -> dict[str, Any]:
        """Return what a producer takes."""
        return self._without(SETTINGS_OF_CONSUMERS)

    def _without(self, left_out: frozenset[str]) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if value is None or name in OWN or name in left_out:
                continue
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            elif isinstance(value, Path):
                value = str(value)
            settings[name] = list(value) if name == "bootstrap_servers" else value
        for name in _SECRETS:
            source = secret_source(self, name)
            if source.is_given:
                settings[name] = source.read("kafka")
        return settings
