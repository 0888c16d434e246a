"""Sessions as the events show them: which are live, how many by hour, and what one of them did."""

from __future__ import annotations

from schemas.event import Event
from schemas.instant import HOUR
from store.event_columns import SELECTED, events_of
from store.reading import Reading

LIVE_SESSIONS = """
WITH recent AS (
    SELECT session_id, user_id, type, reason, event_time FROM events
    WHERE app = $app AND event_time >= make_timestamp($since)
        AND ($user_id::VARCHAR IS NULL OR user_id = $user_id)
        AND ($session_id::VARCHAR IS NULL OR session_id = $session_id OR reason = 'logout_all')
), used AS (
    SELECT session_id, max(user_id) AS user_id, max(event_time) AS last_use FROM recent
    WHERE type IN ('create', 'validate') AND session_id IS NOT NULL GROUP BY session_id
), ended AS (
    SELECT session_id, max(event_time) AS last_end FROM recent
    WHERE type = 'destroy' AND session_id IS NOT NULL GROUP BY session_id
), left_everywhere AS (
    SELECT user_id, max(event_time) AS last_end FROM recent
    WHERE type = 'destroy' AND reason = 'logout_all' AND user_id IS NOT NULL GROUP BY user_id
)
SELECT count(*) FROM used
LEFT JOIN ended ON ended.session_id = used.session_id
LEFT JOIN left_everywhere ON left_everywhere.user_id = used.user_id
WHERE coalesce(ended.last_end < last_use, true) AND coalesce(left_everywhere.last_end < last_use, true)
"""
LAST_USE = """
SELECT epoch_us(max(event_time)) FROM events
WHERE app = $app AND event_time >= make_timestamp($since) AND session_id = $session_id
    AND type IN ('create', 'validate')
"""
USED_BY_HOUR = """
SELECT (($now - epoch_us(event_time)) // $hour)::INTEGER AS hours_ago, count(DISTINCT session_id) FROM events
WHERE app = $app AND event_time > make_timestamp($now - $hours * $hour) AND event_time <= make_timestamp($now)
    AND type IN ('create', 'validate') AND session_id IS NOT NULL
GROUP BY hours_ago
"""
SEEN_BEFORE = """
SELECT count(*) FROM (
    SELECT 1 FROM events WHERE app = $app AND event_time <= make_timestamp($before) LIMIT 1)
"""
TIMELINE = f"""
SELECT {SELECTED} FROM events
WHERE app = $app AND session_id = $session_id
    AND event_time >= make_timestamp($since) AND event_time < make_timestamp($until)
ORDER BY event_time, event_id LIMIT $limit
"""


class Sessions(Reading):
    """Queries about sessions, all bounded by event time, without which they would read the whole table."""

    def live_sessions(self, app: str, now_us: int, idle_us: int) -> int:
        """Return how many sessions of an app are live.

        Live = accepted (`create`, `validate`) within the idle timeout, and not ended since, by itself or by
        its user's `logout_all`.

        Args:
            app: the app.
            now_us: the pipeline's clock, microseconds since the epoch.
            idle_us: the app's idle timeout in microseconds (30 minutes where none is declared).
        """
        return self._live(app, now_us - idle_us)

    def live_sessions_of_user(self, app: str, user_id: str, now_us: int, idle_us: int) -> int:
        """Return how many sessions of one user are live; arguments as for `live_sessions`."""
        return self._live(app, now_us - idle_us, user_id=user_id)

    def is_live(self, app: str, session_id: str, now_us: int, idle_us: int) -> bool:
        """Return whether a session is live; arguments as for `live_sessions`."""
        return self._live(app, now_us - idle_us, session_id=session_id) > 0

    def last_use(self, app: str, session_id: str, since_us: int) -> int | None:
        """Return when a session was last accepted, if since `since_us` (microseconds, epoch), else None."""
        row = self._row(LAST_USE, {"app": app, "session_id": session_id, "since": since_us})
        return None if row is None else row[0]

    def hourly_live_counts(self, app: str, now_us: int, hours: int = 24) -> list[int]:
        """Return how many distinct sessions were used in each of the last hours, oldest first.

        The hours are counted back from `now_us`. An app that is younger gets fewer numbers: from its
        first hour on.
        """
        parameters = {"app": app, "now": now_us, "hour": HOUR, "hours": hours}
        by_age = dict(self._rows(USED_BY_HOUR, parameters))
        if self._number(SEEN_BEFORE, {"app": app, "before": now_us - hours * HOUR}):
            oldest = hours - 1
        else:
            oldest = max(by_age, default=-1)
        return [by_age.get(age, 0) for age in range(oldest, -1, -1)]

    def timeline(self, app: str, session_id: str, since_us: int, until_us: int, limit: int = 10_000) -> list[Event]:
        """Return a session's events with since <= event time < until (microseconds), the oldest first."""
        parameters = {
            "app": app,
            "session_id": session_id,
            "since": since_us,
            "until": until_us,
            "limit": limit,
        }
        return list(events_of(self._rows(TIMELINE, parameters)))

    def _live(self, app: str, since_us: int, *, user_id: str | None = None, session_id: str | None = None) -> int:
        parameters = {"app": app, "since": since_us, "user_id": user_id, "session_id": session_id}
        return self._number(LIVE_SESSIONS, parameters)
