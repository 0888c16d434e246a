"""Alerts whose session was left alone, not in use or told of too late: a further hit may change that."""

from __future__ import annotations

from collections.abc import Iterable

MAX_SKIPPED = 10_000
"""Alerts remembered; of more, the oldest are forgotten."""


class Skipped:
    """A bounded set of alert ids. The audit log remembers them over a restart.

    Args:
        limit: how many are remembered.
    """

    def __init__(self, limit: int = MAX_SKIPPED) -> None:
        self._limit = limit
        self._ids: dict[str, None] = {}

    def __contains__(self, alert_id: str) -> bool:
        """Return whether an alert's session was left alone."""
        return alert_id in self._ids

    def restore(self, newest_first: Iterable[str]) -> None:
        """Take up what an earlier run has left alone."""
        for alert_id in reversed(list(newest_first)):
            self.note(alert_id, skipped=True)

    def note(self, alert_id: str, *, skipped: bool) -> None:
        """Remember that an alert's session was left alone, or that it was decided."""
        self._ids.pop(alert_id, None)
        if skipped:
            self._ids[alert_id] = None
            if len(self._ids) > self._limit:
                del self._ids[next(iter(self._ids))]
