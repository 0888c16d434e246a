"""Topics: their identity, and their creation where it is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kafka import KafkaAdminClient
from kafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidConfigurationError,
    InvalidReplicationFactorError,
    InvalidTopicError,
    PolicyViolationError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from ingest.connection import SourceError, in_one_line, open_admin


@dataclass(frozen=True, slots=True)
class TopicIdentity:
    """Which topic this is: one of the same name made later has another UUID.

    Attributes:
        name: its name.
        uuid: the broker's identity of it; empty on brokers before Kafka 2.8, which have none.
        partitions: how many there are.
    """

    name: str
    uuid: str
    partitions: int


def describe_topic(admin: KafkaAdminClient, name: str) -> TopicIdentity | None:
    """Return a topic's identity, or None when it does not exist.

    Raises:
        KafkaError: the broker does not answer, or refuses.
    """
    (found,) = admin.describe_topics([name])
    kind = for_code(found["error_code"])
    if kind is UnknownTopicOrPartitionError:
        return None
    if found["error_code"]:
        raise kind(name)
    return TopicIdentity(name, str(found["topic_id"] or ""), len(found["partitions"]))


def ensure_topic(
    settings: Mapping[str, object],
    name: str,
    partitions: int = 4,
    config: Mapping[str, str] | None = None,
    *,
    timeout_s: float = 10.0,
) -> TopicIdentity:
    """Return a topic's identity, and create the topic if it is missing.

    Args:
        settings: kafka-python's own names and values.
        name: the topic.
        partitions: how many it gets when it is created; one that exists is left as it is.
        config: topic settings for its creation, by Kafka's names; replication is the broker's default.
        timeout_s: how long to wait for the broker, in seconds.

    Raises:
        SourceError: no connection, no right, or a name or setting that the broker refuses.
    """
    admin = open_admin(settings, timeout_s)
    try:
        with in_one_line(settings):
            return describe_topic(admin, name) or create_topic(admin, name, partitions, config)
    finally:
        admin.close()


def create_topic(
    admin: KafkaAdminClient, name: str, partitions: int, config: Mapping[str, str] | None = None
) -> TopicIdentity:
    """Create a topic and return its identity, once every partition has a leader.

    Raises:
        SourceError: no right, or a name or setting that the broker refuses.
        KafkaError: the broker does not answer.
    """
    wanted = {"num_partitions": partitions, "replication_factor": -1, "configs": dict(config or {})}
    try:
        _create(admin, name, wanted)
    except TopicAlreadyExistsError:
        admin.wait_for_topics([name])
    except (ClusterAuthorizationFailedError, TopicAuthorizationFailedError) as error:
        raise SourceError(
            f"topic {name!r} does not exist and this user may not create it: "
            f"create it with {partitions} partitions, or grant CREATE on it"
        ) from error
    except (InvalidConfigurationError, InvalidTopicError, PolicyViolationError) as error:
        raise SourceError(f"the broker refuses to create topic {name!r}: {type(error).__name__}") from error
    identity = describe_topic(admin, name)
    if identity is None:
        raise SourceError(f"topic {name!r} was deleted while it was being created")
    return identity


def _create(admin: KafkaAdminClient, name: str, wanted: dict[str, object]) -> None:
    try:
        admin.create_topics({name: wanted}, wait_for_metadata=True)
    except InvalidReplicationFactorError:
        # Brokers without a default replication factor want a number.
        admin.create_topics({name: wanted | {"replication_factor": 1}}, wait_for_metadata=True)
