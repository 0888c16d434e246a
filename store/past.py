"""The sessions as they were: what was live at an instant of the past."""

from __future__ import annotations

from store.reading import Reading
from store.sessions import LIVE_SESSIONS, LIVE_SESSIONS_BY


class PastSessions(Reading):
    """Queries as of an instant: what happened after it is not looked at."""

    def live_sessions_at(self, app: str, at_us: int, idle_us: int) -> int:
        """Return how many sessions of an app were live; arguments as for `live_sessions`."""
        parameters = {"app": app, "since": at_us - idle_us, "until": at_us, "user_id": None, "session_id": None}
        return self._number(LIVE_SESSIONS, parameters)

    def live_of_user_at(self, app: str, user_id: str, at_us: int, idle_us: int) -> int:
        """Return how many sessions of a user were live."""
        parameters = {"app": app, "since": at_us - idle_us, "until": at_us, "user_id": user_id, "session_id": None}
        return self._number(LIVE_SESSIONS, parameters)

    def live_from_at(self, app: str, network: str, at_us: int, idle_us: int) -> list[tuple[str, str | None]]:
        """Return the sessions that were live and last used from a network, each with its user."""
        parameters = {"app": app, "since": at_us - idle_us, "until": at_us, "user_id": None, "network": network}
        return self._rows(LIVE_SESSIONS_BY, parameters)
