"""Revocations in memory, filled from the topic `session-revocations`: for services that check tokens by themselves.

A service behind a gateway sees signed tokens and no session store. It asks this cache whether a token's session, or
its user, was revoked: a look-up in a dictionary, without any call to another machine.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka import errors as kafka_errors

from sessionwatch_emitter.errors import SecretError
from sessionwatch_emitter.message import RefusedMessageError, read_message
from sessionwatch_emitter.revocation_list import SHORTEST_LIFE_S, Refusal, Scope
from sessionwatch_emitter.revocation_message import Revocation, read_revocation
from sessionwatch_emitter.transport import one_line
from sessionwatch_emitter.webhook_signature import is_signed, read_webhook_secret

TOPIC = "session-revocations"

_POLL_MS = 500
_PAUSE_S = 1.0
_CLEAN_EVERY_S = 60.0
_AWAY = (kafka_errors.KafkaError, OSError, ValueError, AssertionError)

_log = logging.getLogger("sessionwatch_emitter")


@dataclass(frozen=True, slots=True)
class _Entry:
    sequence: int
    revoked: bool
    not_before_us: int
    until_us: int


class RevocationCache:
    """What is revoked in one app, read from a compacted topic by a thread of its own.

    Every record is signed as a webhook is; one whose signature does not fit changes nothing. A session's entry is
    found by the claim `sid`, or by `jti` where the app's tokens are sessions of their own; a user's by `sub`.

    Start it in the process that asks it: a thread does not survive a fork.

    Args:
        app: the app's name; records of others are passed over.
        session_ids: hashes a claim under every key that the app knows: `emitter.keys.session_ids`.
        secrets: `whsec_...`, as the target of the pipeline signs; several while one is being replaced.
        bootstrap_servers: Kafka, "host:port", several separated by commas or as a sequence.
        topic: where the revocations come from.
        absolute_timeout: how long a session of this app can live at most, in seconds; an entry lives as long, at
            least 30 days.
        started_claim: the claim that says when the session began, in seconds. A revoked user's sessions that began
            before the revocation are refused, as are tokens without the claim. A token's `iat` says it only where
            tokens are not renewed; None = users are not looked up.
        fail_closed: refuse every token until the topic has been read to its end once.
        clock: the wall clock in seconds since the epoch.
        kafka: further settings of kafka-python's KafkaConsumer, by their own names.

    Raises:
        SecretError: a secret is malformed, or there is none.
    """

    def __init__(
        self,
        app: str,
        session_ids: Callable[[str], Iterable[str]],
        *,
        secrets: Sequence[str],
        bootstrap_servers: str | Sequence[str] = "127.0.0.1:9092",
        topic: str = TOPIC,
        absolute_timeout: float = 0.0,
        started_claim: str | None = "auth_time",
        fail_closed: bool = False,
        clock: Callable[[], float] = time.time,
        **kafka: Any,
    ) -> None:
        if not secrets:
            raise SecretError("the revocation cache needs the secret by which the topic's records are signed")
        self._app = app
        self._session_ids = session_ids
        self._keys = [read_webhook_secret(secret) for secret in secrets]
        self._topic = topic
        self._life_us = int(max(absolute_timeout, SHORTEST_LIFE_S) * 1e6)
        self._started_claim = started_claim
        self._fail_closed = fail_closed
        self._clock = clock
        servers = bootstrap_servers.split(",") if isinstance(bootstrap_servers, str) else list(bootstrap_servers)
        self._settings = {"bootstrap_servers": servers, **kafka, "group_id": None, "enable_auto_commit": False}
        self._entries: dict[Scope, dict[str, _Entry]] = {"session": {}, "user": {}}
        self._cleaned_at = time.monotonic()
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sessionwatch revocation cache", daemon=True)
        self.refused_records = 0
        """How many records of this app were passed over because they were malformed or not signed."""

    def __repr__(self) -> str:
        return f"RevocationCache({self._app!r}, topic={self._topic!r})"

    def __enter__(self) -> RevocationCache:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def ready(self) -> bool:
        """Whether the topic has been read to its end once."""
        return self._ready.is_set()

    def start(self, timeout: float = 0.0) -> bool:
        """Begin to read; wait for at most `timeout` seconds, and say whether the end of the topic was reached."""
        self._thread.start()
        return self._ready.wait(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Stop reading; what is known stays."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def refusal(self, claims: Mapping[str, Any]) -> Refusal | None:
        """Say whether a verified token is to be refused, and why.

        Args:
            claims: of a token whose signature has been checked.
        """
        if self._fail_closed and not self.ready:
            return Refusal(None, "")
        now_us = int(self._clock() * 1e6)
        for claim in ("sid", "jti"):
            value = claims.get(claim)
            if isinstance(value, str):
                for session_id in self._session_ids(value):
                    if self._entry("session", session_id, now_us) is not None:
                        return Refusal("session", session_id)
        return self._refusal_of_user(claims, now_us)

    def _refusal_of_user(self, claims: Mapping[str, Any], now_us: int) -> Refusal | None:
        user = claims.get("sub")
        if self._started_claim is None or not isinstance(user, str):
            return None
        entry = self._entry("user", user, now_us)
        if entry is None:
            return None
        started = claims.get(self._started_claim)
        if isinstance(started, int | float) and not isinstance(started, bool) and started * 1e6 >= entry.not_before_us:
            return None
        return Refusal("user", user)

    def _entry(self, scope: Scope, subject: str, now_us: int) -> _Entry | None:
        entry = self._entries[scope].get(subject)
        return entry if entry is not None and entry.revoked and entry.until_us > now_us else None

    def _run(self) -> None:
        told = False
        while not self._stopping.is_set():
            try:
                with closing(KafkaConsumer(**self._settings)) as consumer:
                    self._follow(consumer)
                told = False
            except _AWAY as error:
                if not told:
                    _log.error("the topic %s cannot be read: %s", self._topic, one_line(error))
                told = True
            self._stopping.wait(_PAUSE_S)

    def _follow(self, consumer: KafkaConsumer) -> None:
        """Read the topic from its beginning until it gets other partitions, is not there, or nobody asks any more."""
        numbers = consumer.partitions_for_topic(self._topic)
        if not numbers:
            raise kafka_errors.UnknownTopicOrPartitionError(f"there is no topic {self._topic}")
        partitions = [TopicPartition(self._topic, number) for number in numbers]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        while not self._stopping.is_set():
            for records in consumer.poll(_POLL_MS).values():
                for record in records:
                    self._take(record.value, dict(record.headers))
            if not self.ready and all(_at_end(consumer, partition) for partition in partitions):
                self._ready.set()
            self._clean()
            if consumer.partitions_for_topic(self._topic) not in (None, numbers):
                return

    def _take(self, value: bytes | None, headers: Mapping[str, bytes]) -> None:
        try:
            revocation = self._verified(value, headers)
        except RefusedMessageError as error:
            self.refused_records += 1
            _log.warning("a record of %s was passed over: %s", self._topic, error)
            return
        if revocation is None or revocation.type == "session.step_up_required":
            return
        entries = self._entries[revocation.scope]
        known = entries.get(revocation.subject)
        if known is None or known.sequence <= revocation.sequence:
            entries[revocation.subject] = _Entry(
                revocation.sequence,
                revocation.type == "session.revoked",
                revocation.timestamp_us,
                revocation.timestamp_us + self._life_us,
            )

    def _verified(self, value: bytes | None, headers: Mapping[str, bytes]) -> Revocation | None:
        """Return what a record says; None if it is not for this app."""
        if value is None:
            return None
        revocation = read_revocation(read_message(value))
        if revocation.app != self._app:
            return None
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        # However old: a topic is read from its beginning, and the sequence says what is newer.
        message_id, timestamp, signatures = (headers.get(name, b"").decode("ascii", "replace") for name in names)
        if not is_signed(self._keys, message_id, timestamp, value, signatures):
            raise RefusedMessageError(401, "no signature fits: compare the secrets")
        return revocation

    def _clean(self) -> None:
        if time.monotonic() - self._cleaned_at < _CLEAN_EVERY_S:
            return
        self._cleaned_at = time.monotonic()
        now_us = int(self._clock() * 1e6)
        for entries in self._entries.values():
            for subject in [subject for subject, entry in entries.items() if entry.until_us <= now_us]:
                del entries[subject]


def _at_end(consumer: KafkaConsumer, partition: TopicPartition) -> bool:
    end = consumer.highwater(partition)
    return end is not None and consumer.position(partition) >= end
