"""A compacted topic of revocations, for services that keep a block list of tokens in memory."""

from __future__ import annotations

from collections.abc import Sequence

from sessionwatch_emitter.errors import TransportError
from sessionwatch_emitter.transport import Transport

from response.clock import Clock, now_us
from response.errors import TargetRefused
from response.outcome import DELIVERED, Outcome
from response.targets.webhook import read_signers, signature_headers
from response.text import safe
from schemas.revocation import Scope
from store.rows import OutboxMessage

DEFAULT_TOPIC = "session-revocations"


class KafkaTarget:
    """Writes each revocation and release to a topic, signed as a webhook is.

    The key is app, scope and subject, so that compaction keeps the newest word about each; a reader goes by the
    sequence. Nothing says that a service has read it.

    Args:
        name, app: as in the configuration.
        topic: several apps may share it.
        secrets: ``whsec_…`` each; the readers may know any of them.
        bootstrap_servers: "host:port" of brokers.
        settings: of the producer by kafka-python's own names (``security_protocol``, …).

    Raises:
        TargetRefused: a secret cannot be used, or there is none.
    """

    kind = "kafka"
    scopes: frozenset[Scope] = frozenset({"session", "user"})
    kinds = frozenset({"session.revoked", "session.released"})

    def __init__(
        self,
        name: str,
        app: str,
        topic: str,
        secrets: Sequence[str],
        bootstrap_servers: Sequence[str],
        *,
        clock: Clock = now_us,
        **settings: object,
    ) -> None:
        self.name = name
        self.app = app
        self._signers = read_signers(name, secrets)
        if not self._signers:
            raise TargetRefused(f"target {name}: a topic needs a secret to sign its records with (secret_file)")
        self._transport = Transport(bootstrap_servers, topic, **settings)
        self._clock = clock

    def deliver(self, message: OutboxMessage) -> Outcome:
        """Write the message once, and wait until the brokers have it."""
        headers = signature_headers(self._signers, message, self._clock())
        record = (
            message.ordering_key.encode(),
            message.payload.encode(),
            [(name, value.encode()) for name, value in headers.items()],
        )
        try:
            self._transport.send_all([record])
        except TransportError as error:
            return Outcome("retry", safe(str(error)))
        return DELIVERED

    def close(self) -> None:
        """Let go of the connection."""
        self._transport.close(timeout=1)
