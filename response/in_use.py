"""Which sessions are in use, and of whom an alert's evidence holds a success: the store, and the batch at hand."""

from __future__ import annotations

from ingest.batch import Batch
from response.batch_index import Live
from response.guard import DEFAULT_IDLE_US
from response.records import Records
from response.revocations import Revocations
from schemas.alert import Alert
from schemas.app import Apps
from schemas.revocation import Scope


class InUse:
    """Answers as of a batch, which is not stored yet.

    Args:
        revocations: have the batch by what is looked up in it.
        records: the store.
        apps: for their idle timeouts.
    """

    def __init__(self, revocations: Revocations, records: Records, apps: Apps) -> None:
        self._revocations = revocations
        self._records = records
        self._apps = apps

    def finds(self, batch: Batch, alert: Alert, scope: Scope) -> bool:
        """Return whether an act of this scope would find a session to end; a login can always be locked."""
        if scope == "session":
            return self.is_live(batch, alert)
        if scope == "user":
            return bool(self.of_user(batch, alert.app, alert.user_id or ""))
        if scope == "network":
            return bool(self.from_network(batch, alert.app, alert.network or ""))
        return True

    def is_live(self, batch: Batch, alert: Alert) -> bool:
        """Return whether an alert's session was used within the idle timeout and not ended since."""
        idle_us = self._idle_us(alert.app)
        used_us, ended_us = self._revocations.index(batch).use_of(alert.app, alert.session_id or "")
        if ended_us is not None and (used_us is None or used_us <= ended_us):
            return False
        if used_us is not None and used_us >= batch.arrival_us - idle_us:
            return True
        return self._records.is_live(alert.app, alert.session_id or "", batch.arrival_us, idle_us)

    def of_user(self, batch: Batch, app: str, user_id: str) -> list[Live]:
        """Return the live sessions of a user."""
        idle_us = self._idle_us(app)
        stored = self._records.live_sessions_by(app, batch.arrival_us, idle_us, user_id=user_id)
        return self._revocations.index(batch).live(stored, app, batch.arrival_us - idle_us, user_id=user_id)

    def from_network(self, batch: Batch, app: str, network: str) -> list[Live]:
        """Return the live sessions that were last used from a network."""
        idle_us = self._idle_us(app)
        stored = self._records.live_sessions_by(app, batch.arrival_us, idle_us, network=network)
        return self._revocations.index(batch).live(stored, app, batch.arrival_us - idle_us, network=network)

    def proven(self, batch: Batch, alert: Alert, *, whole: bool = False) -> tuple[set[str], set[str]]:
        """Return the sessions and users of whom the evidence holds a success in the alert's app (decision 27).

        Args:
            batch: looked at first: the event that completed the alert is most often in it.
            alert: with its evidence.
            whole: look at all of the evidence, even where the alert's own session and user are proven.
        """
        found = self._revocations.index(batch).accepted(item.event_id for item in alert.evidence)
        pairs = [(event.session_id, event.user_id) for event in found if event.app == alert.app]
        sessions = {session for session, _ in pairs if session is not None}
        users = {user for _, user in pairs if user is not None}
        if not whole and alert.session_id in sessions and (alert.user_id is None or alert.user_id in users):
            return sessions, users
        older = self._records.accepted_among(alert.app, [(item.event_id, item.time_us) for item in alert.evidence])
        return sessions.union(session for session, _ in older), users.union(user for _, user in older if user)

    def _idle_us(self, app: str) -> int:
        return self._apps[app].idle_timeout_us or DEFAULT_IDLE_US
