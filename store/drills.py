"""Fire drills as the store knows them: by the signed id that their alerts carry."""

from __future__ import annotations

from store import alert_rows
from store.reading import Reading
from store.rows import DrillRecord, OutboxState

# A drill is of the last hours, and the alerts of a day are few: the bound keeps the scan there.
DRILL_ALERTS = f"""
SELECT {alert_rows.AS_SHOWN}, epoch_us(stored) FROM alerts
WHERE drill = $drill AND event_time >= make_timestamp($since) ORDER BY stored, alert_id
"""

TELLINGS = """
SELECT state, epoch_us(finished) FROM outbox WHERE subject = $alert_id AND kind = 'chat.alert' ORDER BY place LIMIT 100
"""


class Drills(Reading):
    """Queries over fire drills."""

    def drill_alerts(self, drill: str, since_us: int) -> list[DrillRecord]:
        """Return the alerts that a drill has led to, the first stored first.

        Args:
            drill: its id.
            since_us: earliest event time, microseconds since the epoch.
        """
        rows = self._rows(DRILL_ALERTS, {"drill": drill, "since": since_us})
        return [DrillRecord(alert_rows.alert_of(row[:-1]), row[-1]) for row in rows]

    def tellings(self, alert_id: str) -> list[tuple[OutboxState, int | None]]:
        """Return of an alert's chat messages the state, and when they were delivered or given up, in microseconds."""
        return self._rows(TELLINGS, {"alert_id": alert_id})
