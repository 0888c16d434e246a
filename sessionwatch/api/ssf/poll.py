"""The poll endpoint, RFC 8936: what waits in the outbox of a receiver's targets, until it is acknowledged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from response.commands import DeliveryResult
from response.ssf.stream import Stream
from response.targets import lane_of
from response.targets.ssf import CONTROL_KIND, SsfTarget, Undeliverable
from response.text import safe
from sessionwatch.api.acts import Acts
from sessionwatch.api.ssf.hub import Receiver
from sessionwatch.api.ssf.stream_body import PollBody
from store.reader import Reader
from store.rows import OutboxMessage

MOST_EVENTS = 100
"""In one answer."""

LOOKED_AT = 2_000
"""Messages of one lane; acknowledged ones are among the first."""


def settle(receiver: Receiver, reader: Reader, acts: Acts, body: PollBody, now_us: int) -> None:
    """Write down which tokens the receiver has, and which it does not take; returns after the commit."""
    named = set(body.ack) | set(body.set_errs)
    if not named:
        return
    for target in receiver.targets:
        found = [one for one in _pending(target, reader) if one.message_id in named]
        if found:
            settled = tuple(_settled(one, body, now_us) for one in found)
            acts.do(DeliveryResult(lane_of(target), settled, now_us))


def waiting(receiver: Receiver, reader: Reader, stream: Stream, limit: int) -> tuple[dict[str, str], bool]:
    """Return tokens by `jti`, the oldest first, and whether there are more.

    Args:
        limit: how many at most; 0 says only whether there are any.
    """
    sets: dict[str, str] = {}
    for jti, token in _tokens(receiver, reader, stream):
        if len(sets) >= min(limit, MOST_EVENTS):
            return sets, True
        sets[jti] = token
    return sets, False


def _tokens(receiver: Receiver, reader: Reader, stream: Stream) -> Iterator[tuple[str, str]]:
    for target in receiver.targets:
        for message in _pending(target, reader):
            if stream.status == "paused" and message.kind != CONTROL_KIND:
                continue
            try:
                yield message.message_id, target.token_of(message, stream)
            except Undeliverable:
                # Its lane parks it, and says why.
                continue


def _pending(target: SsfTarget, reader: Reader) -> list[OutboxMessage]:
    return reader.pending_messages(lane=lane_of(target), limit=LOOKED_AT)


def _settled(message: OutboxMessage, body: PollBody, now_us: int) -> OutboxMessage:
    error = body.set_errs.get(message.message_id)
    changes: Mapping[str, object] = {
        "attempts": message.attempts + 1,
        "first_try_us": message.first_try_us if message.first_try_us is not None else now_us,
        "finished_us": now_us,
        "state": "delivered" if error is None else "parked",
        "last_error": "" if error is None else safe(f"answered {error.err}: {error.description}"),
    }
    return msgspec.structs.replace(message, **changes)
