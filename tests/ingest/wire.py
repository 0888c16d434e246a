"""Messages of the tests: a good one in the wire format, changed where a test wants it."""

from __future__ import annotations

import json
from typing import Any

from ingest.record import Record

EVENT_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
NOON = "2026-11-01T12:00:00Z"
NOON_US = 1_793_534_400_000_000

GOOD: dict[str, Any] = {
    "schema_version": 1,
    "event_id": EVENT_ID,
    "event_time": NOON,
    "type": "validate",
    "app": "bank",
    "session_id": "s_k1_3K9CVMBvRKfA4xj-bdO9UjB54oDvS6NBI5T5cYkoGY4",
    "user_id": "alice",
    "ip": "192.0.2.10",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}


def wire(*, without: str = "", **changes: Any) -> bytes:
    """A good message, with fields changed or one left out. Texts travel as ASCII, so lone surrogates do too."""
    fields = {name: value for name, value in {**GOOD, **changes}.items() if name != without}
    return json.dumps(fields).encode()


def record(value: bytes | None, *, offset: int = 0, headers: tuple[tuple[str, bytes | None], ...] = ()) -> Record:
    """A record of the topic."""
    return Record("session-events", 0, offset, b"alice", value, headers, NOON_US // 1000)
