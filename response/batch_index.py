"""One batch by what is looked up in it, so that many alerts of one batch cost no more each than few."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ingest.batch import Batch
from schemas.alert import Alert, AlertChange
from schemas.event import Event
from schemas.revocation import Revocation

Used = tuple[int | None, int | None]
"""When a session was last accepted, and when it was last ended, microseconds since the epoch."""

Live = tuple[str, str | None]
"""A session, and whose it is."""

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
        self._accepted: dict[str, Event] = {}
        for event in batch.events:
            if event.session_id is None:
                continue
            key = (event.app, event.session_id)
            used_us, ended_us = self._uses.get(key, (None, None))
            if event.type in _ACCEPTS:
                self._uses[key] = (max(used_us or 0, event.time_us), ended_us)
                self._accepted[event.event_id] = event
            elif event.type == "destroy":
                self._uses[key] = (used_us, max(ended_us or 0, event.time_us))

    def use_of(self, app: str, session_id: str) -> Used:
        """Return when a session was last accepted and last ended in this batch; None = not in it."""
        return self._uses.get((app, session_id), (None, None))

    def live(
        self, stored: Iterable[Live], app: str, since_us: int, *, user_id: str | None = None, network: str | None = None
    ) -> list[Live]:
        """Return the live sessions of a user or from a network: those that are stored, and what this batch changes.

        Args:
            stored: those of them that the store calls live.
            app: the app.
            since_us: the earliest last use of a live session, microseconds since the epoch.
            user_id, network: whose, or from where; one of them.
        """
        found = dict(stored)
        for event in self._accepted.values():
            wanted = event.user_id == user_id if user_id is not None else event.place.network == network
            if event.app == app and wanted and event.session_id is not None and event.time_us >= since_us:
                found[event.session_id] = event.user_id or found.get(event.session_id)
        return [(session, user) for session, user in found.items() if not self._is_ended(app, session)]

    def accepted(self, event_ids: Iterable[str]) -> list[Event]:
        """Return which of these events of the batch are accepted uses or beginnings of sessions."""
        return [event for event in map(self._accepted.get, event_ids) if event is not None]

    def _is_ended(self, app: str, session_id: str) -> bool:
        used_us, ended_us = self.use_of(app, session_id)
        return ended_us is not None and (used_us is None or used_us <= ended_us)

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
