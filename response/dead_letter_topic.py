"""Dead letters on their way to their topic: the reason, the hash and the place, never the content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sessionwatch_emitter.errors import TransportError
from sessionwatch_emitter.transport import Transport

from response.outcome import DELIVERED, Outcome
from response.text import safe
from store.rows import DeadLetter, OutboxMessage

AT_ONCE = 500
"""Messages of one try: a flood of bad input must not take one round trip each."""


def dead_letter_lane(topic: str) -> str:
    """Return the lane of a topic."""
    return f"topic:{topic}"


def dead_letter_messages(letters: Iterable[DeadLetter], topic: str, now_us: int) -> list[OutboxMessage]:
    """Return the outbox messages of refused records.

    Args:
        letters: as they are stored.
        topic: where they go.
        now_us: the pipeline's clock, microseconds since the epoch.
    """
    return [_message(letter, topic, now_us) for letter in letters]


def _message(letter: DeadLetter, topic: str, now_us: int) -> OutboxMessage:
    place = f"{letter.topic}-{letter.partition}-{letter.offset}"
    told = {
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "reason": letter.reason,
        "sha256": letter.sha256,
    }
    return OutboxMessage(
        # A topic made anew uses its places again, the outbox holds the letters of the old one still.
        message_id=f"{place}-{letter.sha256[:16]}-{letter.arrival_us}",
        lane=dead_letter_lane(topic),
        kind="dead_letter",
        ordering_key=place,
        subject="",
        payload=msgspec.json.encode(told).decode(),
        created_us=now_us,
    )


class TopicProducer:
    """Writes messages to a topic: the key is the place of what was refused, so that a reader can tell a repetition.

    Args:
        topic: where to.
        bootstrap_servers: "host:port" of brokers.
        lane: of what it writes; None = that of the topic's dead letters.
        settings: of the producer by kafka-python's own names (``security_protocol``, …).
    """

    def __init__(
        self, topic: str, bootstrap_servers: Sequence[str], *, lane: str | None = None, **settings: object
    ) -> None:
        self.lane = lane or dead_letter_lane(topic)
        self._transport = Transport(bootstrap_servers, topic, **settings)

    def deliver(self, messages: Sequence[OutboxMessage]) -> list[Outcome]:
        """Write each message once, and wait until the brokers have them; a failure is one of all of them."""
        records = [(message.ordering_key.encode(), message.payload.encode(), ()) for message in messages]
        try:
            self._transport.send_all(records)
        except TransportError as error:
            return [Outcome("retry", safe(str(error)))] * len(messages)
        return [DELIVERED] * len(messages)

    def close(self) -> None:
        """Let go of the connection."""
        self._transport.close(timeout=1)
