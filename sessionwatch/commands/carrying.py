"""Carries messages to targets where no pipeline runs: one try each, in the order of each subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from response.lanes import TOO_OLD
from response.outcome import Outcome
from response.targets import Target
from sessionwatch.assembly import now_us
from store.rows import OutboxMessage, OutboxState

_STATES: dict[str, OutboxState] = {"ok": "delivered", "refused": "parked", "gone": "parked"}


def key_of(message: OutboxMessage) -> tuple[str, str]:
    """Return the lane, and whom a message is about there: such messages keep their order."""
    return message.lane, message.ordering_key


def carry(messages: Iterable[OutboxMessage], targets: Mapping[str, Target]) -> list[OutboxMessage]:
    """Make one try with each message, and return those that were tried as they are now.

    Args:
        messages: in the order in which they were enqueued; behind one that did not get through nothing else is sent
            about its subject.
        targets: by lane; the messages of another lane are left alone.
    """
    told: list[OutboxMessage] = []
    stuck: set[tuple[str, str]] = set()
    for message in messages:
        target = targets.get(message.lane)
        if target is None or key_of(message) in stuck:
            continue
        told.append(_tried(target, message))
        if told[-1].state == "pending":
            stuck.add(key_of(message))
    return told


def _tried(target: Target, message: OutboxMessage) -> OutboxMessage:
    """Make one try to deliver a message that is still worth it, and return it as it is now."""
    started_us = now_us()
    if message.expires_us is not None and message.expires_us <= started_us:
        return msgspec.structs.replace(message, state="dropped", finished_us=started_us, last_error=TOO_OLD)
    try:
        outcome = target.deliver(message)
    except Exception as error:  # noqa: BLE001 - code from outside may raise anything; it costs one try
        outcome = Outcome("retry", f"the delivery failed: {type(error).__name__}")
    state = _STATES.get(outcome.kind, "pending")
    return msgspec.structs.replace(
        message,
        state=state,
        attempts=message.attempts + 1,
        first_try_us=message.first_try_us or started_us,
        finished_us=None if state == "pending" else now_us(),
        last_error=outcome.detail,
    )
