"""Outbox messages as rows: enqueued once, settled by lane and id, read back in their order."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pyarrow as pa

from store.arrow import INSTANT
from store.rows import OutboxMessage

_FIELDS = {
    "lane": ("lane", pa.string()),
    "message_id": ("message_id", pa.string()),
    "kind": ("kind", pa.string()),
    "ordering_key": ("ordering_key", pa.string()),
    "subject": ("subject", pa.string()),
    "payload": ("payload", pa.string()),
    "created_us": ("created", INSTANT),
    "state": ("state", pa.string()),
    "attempts": ("attempts", pa.int64()),
    "next_try_us": ("next_try", INSTANT),
    "first_try_us": ("first_try", INSTANT),
    "finished_us": ("finished", INSTANT),
    "last_error": ("last_error", pa.string()),
    "expires_us": ("expires", INSTANT),
}
_SCHEMA = pa.schema([*_FIELDS.values(), ("place", pa.int64())])
_NAMES = ", ".join(_SCHEMA.names)

# The same lane and id is the same message: enqueuing it twice must not send it twice.
ENQUEUE = f"INSERT INTO outbox ({_NAMES}) SELECT {_NAMES} FROM incoming ON CONFLICT (lane, message_id) DO NOTHING"

SETTLE = """
UPDATE outbox SET state = incoming.state, attempts = incoming.attempts, next_try = incoming.next_try,
    first_try = incoming.first_try, finished = incoming.finished, last_error = incoming.last_error
FROM incoming WHERE outbox.lane = incoming.lane AND outbox.message_id = incoming.message_id
"""
SELECTED = """
message_id, lane, kind, ordering_key, subject, payload, epoch_us(created), state, attempts,
epoch_us(next_try), epoch_us(first_try), epoch_us(finished), last_error, epoch_us(expires)
"""
"""The select list that `message_of` reads: the fields of OutboxMessage in their order."""


def to_arrow(messages: Sequence[OutboxMessage], first_place: int = 0) -> pa.Table:
    """Return messages as rows for `ENQUEUE` and `SETTLE`; of one lane and id the last stands.

    Args:
        messages: in the order in which they should leave.
        first_place: the place of the first of them in the outbox's order.
    """
    latest = list({(message.lane, message.message_id): message for message in messages}.values())
    rows = [
        {name: getattr(message, field) for field, (name, _) in _FIELDS.items()} | {"place": place}
        for place, message in enumerate(latest, first_place)
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def message_of(row: tuple[object, ...]) -> OutboxMessage:
    """Return the message of a row selected by `SELECTED`."""
    return msgspec.convert(dict(zip(OutboxMessage.__struct_fields__, row, strict=True)), OutboxMessage)
