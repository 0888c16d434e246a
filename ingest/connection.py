"""Kafka clients from one set of settings, and what a person is told when there is no connection."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import (
    KafkaConfigurationError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
)

_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_KNOWN = {*KafkaConsumer.DEFAULT_CONFIG, *KafkaProducer.DEFAULT_CONFIG, *KafkaAdminClient.DEFAULT_CONFIG}


class SourceError(Exception):
    """Kafka cannot be read; the message is one line that says what and what to do."""


def servers(settings: Mapping[str, object]) -> str:
    """Return the bootstrap servers of some settings, as a person writes them."""
    value = settings.get("bootstrap_servers", "localhost:9092")
    return value if isinstance(value, str) else ", ".join(map(str, value))  # type: ignore[call-overload]


def settings_for(client: type, settings: Mapping[str, object]) -> dict[str, object]:
    """Return those of the settings that a kind of client knows.

    Args:
        client: KafkaConsumer, KafkaProducer or KafkaAdminClient.
        settings: kafka-python's own names and values.

    Raises:
        SourceError: a name that no kind of client knows, or a security protocol that does not exist.
    """
    protocol = settings.get("security_protocol", _PROTOCOLS[0])
    if protocol not in _PROTOCOLS:
        # The client would take any other word for PLAINTEXT, and send the password in the clear.
        raise SourceError(f"unknown security_protocol {protocol!r}: one of {', '.join(_PROTOCOLS)}")
    for name in settings:
        if name not in _KNOWN:
            near = difflib.get_close_matches(name, _KNOWN, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SourceError(f"unknown Kafka setting {name!r}{hint}")
    known = client.DEFAULT_CONFIG  # type: ignore[attr-defined]
    return {name: value for name, value in settings.items() if name in known}


@contextmanager
def in_one_line(settings: Mapping[str, object]) -> Iterator[None]:
    """Turn what the Kafka client raises into a SourceError that says what to do."""
    where = f"Kafka at {servers(settings)}"
    failures = _Failures()
    with failures.watched():
        try:
            yield
        except KafkaTimeoutError as error:
            raise SourceError(_no_connection(where, settings, failures.telling())) from error
        except TopicAuthorizationFailedError as error:
            raise SourceError(f"{where}: no right to read the topic: grant READ on it") from error
        except KafkaConfigurationError as error:
            raise SourceError(f"wrong Kafka setting: {_words(error)}") from error
        except KafkaError as error:
            raise SourceError(f"{where}: {_words(error)}") from error
        except (OSError, ValueError, AssertionError) as error:
            raise SourceError(f"wrong Kafka setting: {_words(error)}") from error


class _Failures(logging.Handler):
    """Collects why connecting failed: the client only says that it did, the reason stands in its log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._seen: list[Exception] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Listen to the client's log meanwhile; the log itself repeats each failed try and stays quiet."""
        client = logging.getLogger("kafka")
        if not client.handlers and client.level == logging.NOTSET:
            client.addHandler(logging.NullHandler())
            client.propagate = False
        connections = logging.getLogger("kafka.net.manager")
        connections.addHandler(self)
        try:
            yield
        finally:
            connections.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the exception that a log line is about."""
        arguments = record.args if isinstance(record.args, tuple) else ()
        self._seen += [argument for argument in arguments if isinstance(argument, Exception)]

    def telling(self) -> Exception | None:
        """Return the failure that says most: a refusal, else the first."""
        refusals = (error for error in self._seen if isinstance(error, SaslAuthenticationFailedError))
        return next(refusals, self._seen[0] if self._seen else None)


def _no_connection(where: str, settings: Mapping[str, object], failure: Exception | None) -> str:
    words = _words(failure) if failure else "no answer"
    if isinstance(failure, SaslAuthenticationFailedError):
        return f"{where} refuses the credentials: check sasl_mechanism, user name and password"
    if isinstance(failure, FileNotFoundError | PermissionError):
        return f"{where}: a file that an ssl_ setting names cannot be read ({words})"
    if "SSL" in words:
        return f"{where}: TLS failed ({words}): check ssl_cafile and security_protocol"
    # A broker that refuses credentials may hang up before it has said so.
    doubt = ", security_protocol and sasl_…" if "sasl_mechanism" in settings else " and security_protocol"
    return (
        f"{where} does not answer ({words}): start it (on a laptop: sessionwatch broker), "
        f"or correct bootstrap_servers{doubt}"
    )


def _words(error: Exception) -> str:
    """Return what an exception says, on one line of bounded length."""
    return " ".join(str(error).split())[:160] or type(error).__name__


def open_admin(settings: Mapping[str, object], timeout_s: float = 10.0) -> KafkaAdminClient:
    """Return a connected admin client.

    Args:
        settings: kafka-python's own names and values.
        timeout_s: how long to wait for the first answer, in seconds.

    Raises:
        SourceError: no connection.
    """
    with in_one_line(settings):
        return KafkaAdminClient(
            **{"bootstrap_timeout_ms": int(timeout_s * 1000), "request_timeout_ms": 10_000}
            | settings_for(KafkaAdminClient, settings)
        )
