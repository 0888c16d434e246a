"""The way to Kafka: one topic, an idempotent producer, every record acknowledged by all replicas."""

from __future__ import annotations

import codecs
import re
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

# Imported with the app and not in the background thread: a fork in the middle of an import would leave the
# child with a module lock that nobody holds.
from kafka import KafkaProducer
from kafka import errors as kafka_errors

from sessionwatch_emitter.errors import TooLargeError, TransportError
from sessionwatch_emitter.event import Record

# Loaded now for the same reason: looking up a host needs it.
codecs.lookup("idna")

Done = Callable[[Exception | None], None]

PRODUCER_DEFAULTS: dict[str, Any] = {
    "acks": "all",
    "enable_idempotence": True,
    # What comes while a request is under way shares the next one anyway: 2 ms of linger cost 2 ms and saved
    # nothing.
    "linger_ms": 0,
    "max_request_size": 1_048_576,
    # Bootstrap, metadata and delivery fail early: the records wait in the emitter's own queue, which has a
    # bound and knows what to give up first.
    "bootstrap_timeout_ms": 5_000,
    "max_block_ms": 5_000,
    "request_timeout_ms": 10_000,
    "delivery_timeout_ms": 30_000,
    "reconnect_backoff_max_ms": 1_000,
}
# Settings without which an acknowledged event can be lost or doubled, and what they may be set to.
_NEEDED: dict[str, tuple[Any, ...]] = {"acks": ("all", -1), "enable_idempotence": (True,)}
_CANNOT_CONNECT = (
    kafka_errors.KafkaError,
    OSError,
    ValueError,
    TypeError,
    AssertionError,
    RuntimeError,
)
_KNOCK_S = 3.0
# How many records send_all lets wait for their acknowledgement at a time.
_WINDOW = 5_000


class Transport:
    """A producer for one topic.

    Args:
        bootstrap_servers: "host:port", several separated by commas or as a sequence.
        topic: where records go.
        kafka: settings of kafka-python's KafkaProducer by their own names (`security_protocol`,
            `sasl_mechanism`, `ssl_cafile` ...).

    Raises:
        TransportError: `acks` is less than "all", or `enable_idempotence` is off.
    """

    def __init__(self, bootstrap_servers: str | Sequence[str], topic: str = "session-events", **kafka: Any) -> None:
        for name, allowed in _NEEDED.items():
            if name in kafka and kafka[name] not in allowed:
                raise TransportError(f"{name}={kafka[name]!r} could lose events: leave it out, it is {allowed[0]!r}")
        if isinstance(bootstrap_servers, str):
            bootstrap_servers = bootstrap_servers.split(",")
        self._servers = list(bootstrap_servers)
        self._topic = topic
        self._settings = {**PRODUCER_DEFAULTS, **kafka}
        self._producer: Any = None

    def __repr__(self) -> str:
        return f"Transport({','.join(self._servers)!r}, {self._topic!r})"

    def connect(self) -> None:
        """Make the producer, unless there is one.

        Raises:
            TransportError: the broker does not answer in time, or a setting is wrong.
        """
        if self._producer is not None:
            return
        self._knock()
        make_client = self._settings.get("kafka_client", KafkaProducer.DEFAULT_CONFIG["kafka_client"])
        clients: list[Any] = []

        def client(**settings: Any) -> Any:
            clients.append(make_client(**settings))
            return clients[-1]

        try:
            self._producer = KafkaProducer(
                bootstrap_servers=self._servers, **{**self._settings, "kafka_client": client}
            )
        except _CANNOT_CONNECT as error:
            # A producer that could not be made leaves its sockets open, once for every attempt of an outage.
            for left in clients:
                left.close()
            raise self._unreachable(error) from error

    def _knock(self) -> None:
        """See whether anything listens: a dead broker shows at once, not after the bootstrap's whole
        patience.

        kafka-python also leaves the sockets of failed attempts to the garbage collector.
        """
        if self._settings.get("proxy_url") or self._settings.get("socks5_proxy"):
            return
        error: OSError | ValueError | None = None
        for server in self._servers:
            try:
                socket.create_connection(_host_and_port(server), _KNOCK_S).close()
                return
            except (OSError, ValueError) as refused:
                error = refused
        if error is not None:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> TransportError:
        return TransportError(
            f"cannot reach Kafka at {','.join(self._servers)}: {one_line(error)};"
            " check that a broker runs there and that the security settings fit"
        )

    def send(self, record: Record, done: Done) -> None:
        """Hand a record to the producer; `done` is called once, with None or with what went wrong.

        Blocks for at most `max_block_ms`, while the topic is not known yet. `done` may be called before this
        returns, or by the producer's thread.
        """
        try:
            future = self._producer.send(self._topic, value=record.value, key=record.key, headers=list(record.headers))
        except kafka_errors.MessageSizeTooLargeError as error:
            done(TooLargeError(one_line(error)))
            return
        except Exception as error:  # noqa: BLE001
            # kafka-python raises some refusals and delivers others by the future; here they are one.
            done(error)
            return
        future.add_callback(lambda _metadata: done(None))
        future.add_errback(done)

    def send_all(
        self,
        records: Iterable[tuple[bytes | None, bytes, Sequence[tuple[str, bytes]]]],
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Send records as (key, value, headers) and return how many, once every one is acknowledged.

        Args:
            records: what to send, in order.
            progress: called with the number of records acknowledged so far.

        Raises:
            TransportError: the broker cannot be reached, or did not take a record.
        """
        self.connect()
        delivery = _Delivery(progress)
        count = 0
        try:
            for key, value, headers in records:
                delivery.wait_below(_WINDOW)
                delivery.start()
                self.send(Record(key, value, tuple(headers)), delivery.done)
                count += 1
            delivery.wait_below(1)
        except TransportError:
            # After a refusal, an idempotent producer of kafka-python refuses all that follows.
            self.close(timeout=0)
            raise
        return count

    def close(self, timeout: float = 5.0) -> None:
        """Send what the producer still holds, for at most `timeout` seconds, and end its thread."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            producer.close(timeout=timeout)
        except kafka_errors.KafkaTimeoutError:
            # With records left, close() gives up before it has stopped its thread, and nothing public stops it.
            producer._sender.force_close()
            producer._closed = True

    def abandon(self) -> None:
        """Let go of a producer that belongs to the parent of this process, without touching its connection.

        The sockets and the epoll set are the parent's too: closing the producer here would write to them.
        """
        if self._producer is not None:
            # Marked as closed, neither its destructor nor its exit hook does anything in this process.
            self._producer._closed = True


class _Delivery:
    """Counts what is under way, and keeps the first refusal."""

    def __init__(self, progress: Callable[[int], None] | None) -> None:
        self._changed = threading.Condition()
        self._progress = progress
        self._under_way = 0
        self._acknowledged = 0
        self._error: Exception | None = None

    def start(self) -> None:
        with self._changed:
            self._under_way += 1

    def done(self, error: Exception | None) -> None:
        with self._changed:
            self._under_way -= 1
            if error is None:
                self._acknowledged += 1
            elif self._error is None:
                self._error = error
            self._changed.notify()

    def wait_below(self, limit: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < limit or self._error is not None)
            acknowledged, error = self._acknowledged, self._error
        if error is not None:
            raise TransportError(f"Kafka did not take a record: {one_line(error)}") from error
        if self._progress is not None:
            self._progress(acknowledged)


def _host_and_port(server: str) -> tuple[str, int]:
    host, _, port = server.strip().rpartition(":") if re.search(r":\d+$", server.strip()) else (server.strip(), "", "")
    return host.rpartition("//")[2].strip("[]"), int(port or 9092)


def refused_for_size(error: Exception) -> bool:
    """Say whether the broker refused a record, or one that was sent with it, because it is too large."""
    return isinstance(error, kafka_errors.MessageSizeTooLargeError | kafka_errors.RecordListTooLargeError)


def passing(error: Exception) -> bool:
    """Say whether an error will pass: the broker is away, or the producer was closed."""
    return isinstance(
        error, kafka_errors.RetriableError | kafka_errors.KafkaTimeoutError | kafka_errors.IllegalStateError
    )


def unauthorised(error: Exception) -> bool:
    """Say whether a right is missing, which somebody may grant while the records wait."""
    return isinstance(error, kafka_errors.AuthorizationError)


def one_line(error: Exception) -> str:
    """Return what went wrong on one line, for a log or a person."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
