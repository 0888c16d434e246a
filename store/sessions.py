"""Sessions as the events show them: which are live, how many by hour, and what one of them did."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.event import Event
from schemas.instant import HOUR
from store.event_columns import SELECTED, events_of
from store.reading import Reading

LIVE_SESSIONS = """
WITH recent AS (
    SELECT session_id, user_id, type, reason, event_time FROM events
    WHERE app = $app AND event_time >= make_timestamp($since) AND event_time <= make_timestamp($until)
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
LATEST_US = 4_102_444_800_000_000
"""2100-01-01: an app's clock may be ahead of the pipeline's, so what is live now has no end."""
LONGEST_LINE = 32
"""Sessions that a chain of rotations is followed back: a refresh token's family may be endless."""

# The network of a session is that of its last use: one that has moved on is not ended for where it was before.
LIVE_SESSIONS_BY = """
WITH recent AS (
    SELECT session_id, user_id, type, reason, event_time, network FROM events
    WHERE app = $app AND event_time >= make_timestamp($since) AND event_time <= make_timestamp($until)
        AND ($user_id::VARCHAR IS NULL OR user_id = $user_id)
), used AS (
    SELECT session_id, max(user_id) AS user_id, max(event_time) AS last_use, arg_max(network, event_time) AS network
    FROM recent WHERE type IN ('create', 'validate') AND session_id IS NOT NULL GROUP BY session_id
), ended AS (
    SELECT session_id, max(event_time) AS last_end FROM recent
    WHERE type = 'destroy' AND session_id IS NOT NULL GROUP BY session_id
), left_everywhere AS (
    SELECT user_id, max(event_time) AS last_end FROM recent
    WHERE type = 'destroy' AND reason = 'logout_all' AND user_id IS NOT NULL GROUP BY user_id
)
SELECT used.session_id, used.user_id FROM used
LEFT JOIN ended ON ended.session_id = used.session_id
LEFT JOIN left_everywhere ON left_everywhere.user_id = used.user_id
WHERE coalesce(ended.last_end < last_use, true) AND coalesce(left_everywhere.last_end < last_use, true)
    AND ($network::VARCHAR IS NULL OR network = $network)
ORDER BY last_use, used.session_id
"""
ACCEPTED_AMONG = """
SELECT DISTINCT session_id, user_id FROM events
WHERE app = $app AND type IN ('create', 'validate') AND session_id IS NOT NULL
    AND event_time >= make_timestamp($since) AND event_time <= make_timestamp($until)
    AND event_id IN (SELECT unnest($ids::UUID[]))
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
PARENT = """
SELECT arg_max(parent_session_id, event_time) FILTER (parent_session_id IS NOT NULL), arg_max(user_id, event_time)
    FILTER (user_id IS NOT NULL)
FROM events WHERE app = $app AND session_id = $session_id
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

    def live_sessions_by(
        self, app: str, now_us: int, idle_us: int, *, user_id: str | None = None, network: str | None = None
    ) -> list[tuple[str, str | None]]:
        """Return the live sessions of a user, or those last used from a network, each with its user.

        The last used stand last; further arguments as for `live_sessions`.
        """
        parameters = {
            "app": app,
            "since": now_us - idle_us,
            "until": LATEST_US,
            "user_id": user_id,
            "network": network,
        }
        return self._rows(LIVE_SESSIONS_BY, parameters)

    def accepted_among(self, app: str, events: Iterable[tuple[str, int]]) -> list[tuple[str, str | None]]:
        """Return session and user of those of these events that are successes (`create`, `validate`) of an app.

        Args:
            app: the app.
            events: id and event time in microseconds since the epoch, as an alert's evidence names them.
        """
        known = list(events)
        if not known:
            return []
        times = [time_us for _, time_us in known]
        parameters = {
            "app": app,
            "since": min(times) - HOUR,
            "until": max(times) + HOUR,
            "ids": [event_id for event_id, _ in known],
        }
        return self._rows(ACCEPTED_AMONG, parameters)

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

    def ancestors(self, app: str, session_id: str) -> list[str]:
        """Return the sessions that a session was rotated or refreshed from, the nearest first; at most 32."""
        found: list[str] = []
        parent = self._parent(app, session_id)[0]
        while parent is not None and parent not in (session_id, *found) and len(found) < LONGEST_LINE:
            found.append(parent)
            parent = self._parent(app, parent)[0]
        return found

    def user_of_session(self, app: str, session_id: str) -> str | None:
        """Return whose session it is, as its events last said; None = unknown."""
        return self._parent(app, session_id)[1]

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

    def _parent(self, app: str, session_id: str) -> tuple[str | None, str | None]:
        row = self._row(PARENT, {"app": app, "session_id": session_id})
        return (None, None) if row is None else (row[0], row[1])

    def _live(self, app: str, since_us: int, *, user_id: str | None = None, session_id: str | None = None) -> int:
        parameters = {
            "app": app,
            "since": since_us,
            "until": LATEST_US,
            "user_id": user_id,
            "session_id": session_id,
        }
        return self._number(LIVE_SESSIONS, parameters)
