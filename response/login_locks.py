"""Locked logins: each is released by itself when its time is over."""

from __future__ import annotations

from collections.abc import Iterable

from ingest.batch import Batch
from response.ledger import Ledger
from response.revocations import TAKEN, UNTIL, Revocations
from schemas.revocation import LIVE_STATES, LOCK_OVER, Revocation
from store.rows import PIPELINE

_OVER = "over"
"""In `Revocation.times`: when the end of a lock that never took effect was noted."""


class LoginLocks:
    """Knows which locks have an end ahead, on the pipeline's clock.

    Args:
        ledger: revocations that still matter.
        revocations: moves them through their states.
    """

    def __init__(self, ledger: Ledger, revocations: Revocations) -> None:
        self._ledger = ledger
        self._revocations = revocations
        self._ends: dict[str, int] = {}

    def note(self, revocations: Iterable[Revocation]) -> None:
        """Remember the ends of locks that are sent, and forget those of what was released.

        Of what an earlier run has left too: one whose end has passed meanwhile is released at once.
        """
        for one in revocations:
            if one.scope != "login":
                continue
            if one.state in LIVE_STATES and UNTIL in one.times and _OVER not in one.times:
                self._ends[one.revocation_id] = one.times[UNTIL]
            else:
                self._ends.pop(one.revocation_id, None)

    def is_due(self, now_us: int) -> bool:
        """Return whether a lock has come to its end.

        Args:
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        return any(end_us <= now_us for end_us in self._ends.values())

    def release(self, batch: Batch) -> None:
        """Release what has come to its end: whoever has missed the end is told of it.

        A lock that never took effect is not undone by itself: what stands there now may be somebody else's.
        """
        for revocation_id in [one for one, end_us in self._ends.items() if end_us <= batch.arrival_us]:
            del self._ends[revocation_id]
            revocation = self._revocations.find(revocation_id)
            if revocation is None or revocation.state not in LIVE_STATES:
                continue
            if revocation.state == "failed" and not {"delivered", TAKEN} & revocation.times.keys():
                revocation.times[_OVER] = batch.arrival_us
                self._revocations.store(batch, revocation)
                self._revocations.note(batch, revocation, "login lock over", "it never took effect, nothing is undone")
            else:
                self._revocations.release(batch, revocation, PIPELINE, LOCK_OVER)
