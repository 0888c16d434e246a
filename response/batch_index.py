"""One batch by what is looked up in it, so that many alerts of one batch cost no more each than few."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ingest.batch import Batch
from schemas.alert import Alert, AlertChange
from schemas.revocation import Revocation

Used = tuple[int | None, int | None]
"""When a session was last accepted, and when it was last ended, microseconds since the epoch."""

_ACCEPTS = ("create", "validate")


class BatchIndex:
    """Finds the events of a session and the changed revocations of a batch.

    Args:
        batch: with its events complete.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._stored = {revocation.revocation_id: revocation for revocation in batch.revocations}
        self._uses: dict[tuple[str, str], Used] = {}
        for event in batch.events:
            if event.session_id is None:
                continue
            key = (event.app, event.session_id)
            used_us, ended_us = self._uses.get(key, (None, None))
            if event.type in _ACCEPTS:
                self._uses[key] = (max(used_us or 0, event.time_us), ended_us)
            elif event.type == "destroy":
                self._uses[key] = (used_us, max(ended_us or 0, event.time_us))

    def use_of(self, app: str, session_id: str) -> Used:
        """Return when a session was last accepted and last ended in this batch; None = not in it."""
        return self._uses.get((app, session_id), (None, None))

    def store(self, revocation: Revocation) -> None:
        """Put a revocation among the rows to write: changed twice in one batch it is still one row."""
        if self._stored.get(revocation.revocation_id) is not revocation:
            self._stored[revocation.revocation_id] = revocation
            self.batch.revocations.append(revocation)


class ChangeIndex:
    """Finds the alerts of a session among the changes of a batch.

    Args:
        changes: of one batch.
    """

    def __init__(self, changes: Sequence[AlertChange]) -> None:
        self.withdrawn = {change.alert.alert_id for change in changes if change.kind == "withdrawn"}
        self._by_session: dict[tuple[str, str | None], list[Alert]] = defaultdict(list)
        for change in changes:
            self._by_session[change.alert.app, change.alert.session_id].append(change.alert)

    def alerts_of(self, app: str, session_id: str) -> Sequence[Alert]:
        """Return the alerts about a session that changed."""
        return self._by_session.get((app, session_id), ())
