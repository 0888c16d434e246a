"""What is asked about step-ups, and what the pipeline remembers of itself."""

from __future__ import annotations

from schemas.instant import DAY
from store import step_up_rows
from store.reading import Reading
from store.rows import StepUpRow

DEVICE_KNOWN_US = 90 * DAY
"""How far back a device counts as one that a user is known by."""

OPEN_STEP_UPS = f"""
SELECT {step_up_rows.SELECTED} FROM step_ups WHERE state IN ('asked', 'delivered') ORDER BY asked, step_up_id
"""
STEP_UPS = f"""
SELECT {step_up_rows.SELECTED} FROM step_ups WHERE alert_id = $alert_id ORDER BY asked, step_up_id
"""
KNOWN_DEVICE = """
SELECT count(*) FROM (
    SELECT 1 FROM events
    WHERE app = $app AND user_id = $user_id AND device_id = $device_id AND type IN ('create', 'validate')
        AND event_time >= make_timestamp($since) AND event_time < make_timestamp($before) LIMIT 1)
"""
KNOWN_USER = """
SELECT count(*) FROM (
    SELECT 1 FROM events
    WHERE app = $app AND user_id = $user_id AND type IN ('create', 'validate')
        AND event_time >= make_timestamp($since) AND event_time < make_timestamp($before) LIMIT 1)
"""
FACT = "SELECT value FROM meta WHERE name = $name"


class StepUps(Reading):
    """Queries about step-ups."""

    def open_step_ups(self) -> list[StepUpRow]:
        """Return the step-ups that wait for their users; the oldest first."""
        return [step_up_rows.step_up_of(row) for row in self._rows(OPEN_STEP_UPS)]

    def step_ups_of(self, alert_id: str) -> list[StepUpRow]:
        """Return the step-ups that an alert has led to; the oldest first."""
        return [step_up_rows.step_up_of(row) for row in self._rows(STEP_UPS, {"alert_id": alert_id})]

    def is_known_device(self, app: str, user_id: str, device_id: str, before_us: int) -> bool:
        """Return whether a user was accepted with a device in the 90 days before an instant (microseconds, epoch)."""
        parameters = {
            "app": app,
            "user_id": user_id,
            "device_id": device_id,
            "since": before_us - DEVICE_KNOWN_US,
            "before": before_us,
        }
        return self._number(KNOWN_DEVICE, parameters) > 0

    def is_known_user(self, app: str, user_id: str, before_us: int) -> bool:
        """Return whether a user was accepted in the 90 days before an instant (microseconds, epoch)."""
        parameters = {"app": app, "user_id": user_id, "since": before_us - DEVICE_KNOWN_US, "before": before_us}
        return self._number(KNOWN_USER, parameters) > 0

    def fact(self, name: str) -> str | None:
        """Return what the pipeline has written down about itself under a name; None where it has not."""
        row = self._row(FACT, {"name": name})
        return None if row is None else row[0]
