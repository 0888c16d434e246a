"""What an emitter counts: its own fate, and that of the events it was given."""

from __future__ import annotations

import threading

MEANINGS = {
    "created": "calls of created()",
    "validated": "calls of validated()",
    "failed": "calls of failed()",
    "destroyed": "calls of destroyed()",
    "swallowed": "uses that wait to be sent, or were sent, within the count of another event",
    "sent": "events acknowledged by the broker",
    "returned": "events that the broker did not take in time, back in the queue",
    "dropped_validate": "validate(request) events and heartbeats dropped because the queue was full",
    "dropped_fail": "fail events dropped because the queue was full",
    "dropped_other": "other events dropped because the queue was full, or given after close()",
    "too_large": "events refused for their size, by the client or by the broker",
    "refused": "events that the broker refused for another reason, five times over",
    "attributes_dropped": "attributes left out of an event: no scalars, more than 32, or too large together",
    "errors": "calls that failed inside, whose event is lost",
    "disconnects": "times that the connection had to be made anew",
    "revocation_list_unreadable": "look-ups that could not read the revocation list",
}


class Counters:
    """Named numbers that only grow; safe to use from every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values = dict.fromkeys(MEANINGS, 0)

    def add(self, name: str, number: int = 1) -> None:
        """Add `number` to the counter `name`, one of `MEANINGS`."""
        with self._lock:
            self._values[name] += number

    def snapshot(self) -> dict[str, int]:
        """Return all counters as they stand."""
        with self._lock:
            return dict(self._values)
