"""What was found and done: alerts, revocations, messages that wait, dead letters."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from schemas.alert import Alert, Severity, Status
from schemas.revocation import Revocation, State
from store import alert_rows, outbox_rows, revocation_rows
from store.reading import Reading
from store.rows import DeadLetter, OutboxMessage
from store.tables import TABLES

LATEST_US = 4_102_444_800_000_000
"""2100-01-01, the end of what an event's time may be."""

STORED_ALERTS = f"SELECT {alert_rows.AS_DETECTED} FROM alerts WHERE alert_id IN (SELECT unnest($ids::VARCHAR[]))"
ALERT = f"SELECT {alert_rows.AS_SHOWN} FROM alerts WHERE alert_id = $alert_id"
ALERTS = f"""
SELECT {alert_rows.AS_SHOWN} FROM alerts
WHERE ($severities::VARCHAR[] IS NULL OR list_contains($severities, severity))
    AND ($apps::VARCHAR[] IS NULL OR list_contains($apps, app))
    AND ($status::VARCHAR IS NULL OR {alert_rows.STATUS} = $status)
    AND event_time >= make_timestamp($since)
    AND (event_time, alert_id) < (make_timestamp($after_time), $after_id)
ORDER BY event_time DESC, alert_id DESC LIMIT $limit
"""
REVOCATION = f"SELECT {revocation_rows.SELECTED} FROM revocations WHERE revocation_id = $revocation_id"
REVOCATIONS = f"""
SELECT {revocation_rows.SELECTED} FROM revocations
WHERE ($apps::VARCHAR[] IS NULL OR list_contains($apps, app))
    AND ($states::VARCHAR[] IS NULL OR list_contains($states, state))
    AND ($subject::VARCHAR IS NULL OR subject = $subject)
ORDER BY decided DESC, revocation_id DESC LIMIT $limit
"""
UNFINISHED_REVOCATIONS = f"""
SELECT {revocation_rows.SELECTED} FROM revocations
WHERE state IN ('requested', 'held', 'sent', 'delivered') ORDER BY decided, revocation_id
"""
LOGIN_LOCKS_SINCE = f"""
SELECT {revocation_rows.SELECTED} FROM revocations
WHERE scope = 'login' AND state <> 'released' AND updated >= make_timestamp($since) ORDER BY decided, revocation_id
"""
REVOCATIONS_SINCE = f"""
SELECT {revocation_rows.SELECTED} FROM revocations
WHERE updated >= make_timestamp($since) ORDER BY decided, revocation_id
"""
MAX_SEQUENCE = "SELECT max(sequence) FROM revocations WHERE app = $app AND subject = $subject"
SEQUENCES = "SELECT app, subject, max(sequence) FROM revocations GROUP BY app, subject"
PENDING_MESSAGES = f"""
SELECT {outbox_rows.SELECTED} FROM outbox
WHERE state = 'pending' AND ($lane::VARCHAR IS NULL OR lane = $lane)
    AND ($kinds::VARCHAR[] IS NULL OR list_contains($kinds, kind))
ORDER BY place LIMIT $limit
"""
PENDING_LANES = "SELECT DISTINCT lane FROM outbox WHERE state = 'pending' ORDER BY lane"
KNOWN_MESSAGES = "SELECT message_id FROM outbox WHERE message_id IN (SELECT unnest($ids::VARCHAR[]))"
STANDING_ALERTS = f"""
SELECT {alert_rows.AS_DETECTED} FROM alerts WHERE app = $app AND session_id = $session_id AND NOT withdrawn
"""
DEAD_LETTERS = """
SELECT topic, kafka_partition, kafka_offset, epoch_us(arrival), reason, detail, length, sha256, content
FROM dead_letters ORDER BY arrival DESC, kafka_partition, kafka_offset DESC LIMIT $limit
"""
COUNTS = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in TABLES)


class Findings(Reading):
    """Queries over the small tables."""

    def stored_alerts(self, ids: Iterable[str]) -> dict[str, Alert]:
        """Return alerts by id as the detectors left them (`status` new or withdrawn), to compare with."""
        alerts = map(alert_rows.alert_of, self._rows(STORED_ALERTS, {"ids": list(ids)}))
        return {alert.alert_id: alert for alert in alerts}

    def alert(self, alert_id: str) -> Alert | None:
        """Return an alert with the status that people see, or None."""
        row = self._row(ALERT, {"alert_id": alert_id})
        return None if row is None else alert_rows.alert_of(row)

    def alerts(
        self,
        *,
        severity: Collection[Severity] | None = None,
        app: Collection[str] | None = None,
        status: Status | None = None,
        since: int = 0,
        limit: int = 100,
        after: tuple[int, str] | None = None,
    ) -> list[Alert]:
        """Return alerts with the status that people see, the newest event time first.

        Args:
            severity: any of these; None for all.
            app: any of these; None for all, an empty one for none.
            status: exactly this.
            since: earliest event time, microseconds since the epoch.
            limit: most rows.
            after: event time and id of the last alert of the page before.
        """
        after_time, after_id = after or (LATEST_US, "")
        parameters = {
            "severities": None if severity is None else [one.value for one in severity],
            "apps": None if app is None else list(app),
            "status": status,
            "since": since,
            "after_time": after_time,
            "after_id": after_id,
            "limit": limit,
        }
        return [alert_rows.alert_of(row) for row in self._rows(ALERTS, parameters)]

    def revocation(self, revocation_id: str) -> Revocation | None:
        """Return a revocation, or None."""
        row = self._row(REVOCATION, {"revocation_id": revocation_id})
        return None if row is None else revocation_rows.revocation_of(row)

    def revocations(
        self,
        *,
        app: Collection[str] | None = None,
        state: Collection[State] | None = None,
        subject: str | None = None,
        limit: int = 100,
    ) -> list[Revocation]:
        """Return revocations, the last decided first; None stands for all."""
        parameters = {
            "apps": None if app is None else list(app),
            "states": None if state is None else list(state),
            "subject": subject,
            "limit": limit,
        }
        return [revocation_rows.revocation_of(row) for row in self._rows(REVOCATIONS, parameters)]

    def unfinished_revocations(self) -> list[Revocation]:
        """Return those that wait for something: requested, held, sent or delivered; the oldest first."""
        return [revocation_rows.revocation_of(row) for row in self._rows(UNFINISHED_REVOCATIONS)]

    def revocations_since(self, since_us: int) -> list[Revocation]:
        """Return those decided or changed since an instant (microseconds since the epoch), oldest first."""
        rows = self._rows(REVOCATIONS_SINCE, {"since": since_us})
        return [revocation_rows.revocation_of(row) for row in rows]

    def login_locks_since(self, since_us: int) -> list[Revocation]:
        """Return the locks of logins changed since an instant (microseconds since the epoch) and not released."""
        rows = self._rows(LOGIN_LOCKS_SINCE, {"since": since_us})
        return [revocation_rows.revocation_of(row) for row in rows]

    def max_sequence(self, app: str, subject: str) -> int:
        """Return the highest sequence given to a subject of an app; 0 when there is none."""
        return self._number(MAX_SEQUENCE, {"app": app, "subject": subject})

    def sequences(self) -> dict[tuple[str, str], int]:
        """Return the highest sequence by app and subject."""
        return {(app, subject): sequence for app, subject, sequence in self._rows(SEQUENCES)}

    def standing_alerts(self, app: str, session_id: str) -> list[Alert]:
        """Return the alerts about a session that were not withdrawn, as the detectors left them."""
        rows = self._rows(STANDING_ALERTS, {"app": app, "session_id": session_id})
        return [alert_rows.alert_of(row) for row in rows]

    def pending_messages(
        self, *, lane: str | None = None, kinds: Collection[str] | None = None, limit: int | None = None
    ) -> list[OutboxMessage]:
        """Return what must still leave, in the order in which it was enqueued.

        Args:
            lane: of this lane alone; None for all.
            kinds: of any of these kinds; None for all.
            limit: most rows; None for all, which may be a great many.
        """
        parameters = {"lane": lane, "kinds": None if kinds is None else list(kinds), "limit": limit}
        return [outbox_rows.message_of(row) for row in self._rows(PENDING_MESSAGES, parameters)]

    def pending_lanes(self) -> list[str]:
        """Return the lanes that something must still leave by."""
        return [lane for (lane,) in self._rows(PENDING_LANES)]

    def known_messages(self, ids: Iterable[str]) -> set[str]:
        """Return which of these message ids were enqueued before."""
        return {message_id for (message_id,) in self._rows(KNOWN_MESSAGES, {"ids": list(ids)})}

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """Return refused messages, the last to arrive first. Their content is for admins only."""
        return [DeadLetter(*row) for row in self._rows(DEAD_LETTERS, {"limit": limit})]

    def counts(self) -> dict[str, int]:
        """Return the number of rows by table."""
        return dict(self._rows(COUNTS))
