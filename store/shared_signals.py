"""Shared signals: receivers' streams, tokens taken before, and the sessions that a provider's word is about."""

from __future__ import annotations

from collections.abc import Sequence

from store.reading import Reading
from store.rows import IdpSession

STREAMS = "SELECT content FROM ssf_streams ORDER BY receiver"
RECEIVED = """
SELECT digest, epoch_us(received) FROM ssf_received WHERE transmitter = $transmitter AND jti = $jti
"""
PROVIDER_SESSIONS = """
WITH found AS (
    SELECT DISTINCT app, session_id FROM events
    WHERE event_time >= make_timestamp($since) AND app IN (SELECT unnest($apps::VARCHAR[])) AND session_id IS NOT NULL
        AND type IN ('create', 'validate')
        AND ($idp_session_id::VARCHAR IS NULL OR idp_session_id = $idp_session_id)
        AND ($user_id::VARCHAR IS NULL OR user_id = $user_id)
)
SELECT app, session_id, max(user_id),
    epoch_us(min(event_time) FILTER (WHERE used)), epoch_us(max(event_time) FILTER (WHERE used)),
    arg_max(event_id, event_time) FILTER (WHERE used)::VARCHAR
FROM (
    SELECT app, session_id, user_id, event_id, event_time, type, type IN ('create', 'validate') AS used
    FROM events WHERE event_time >= make_timestamp($since))
JOIN found USING (app, session_id)
GROUP BY app, session_id
HAVING coalesce(max(event_time) FILTER (WHERE type = 'destroy') < max(event_time) FILTER (WHERE used), true)
ORDER BY max(event_time) DESC, app, session_id LIMIT $limit
"""
NAME_OF_SESSION = """
SELECT arg_max(idp_session_id, event_time) FROM events
WHERE app = $app AND event_time >= make_timestamp($since) AND session_id = $session_id AND idp_session_id IS NOT NULL
"""


class SharedSignals(Reading):
    """Queries of the transmitter and the receiver of security events."""

    def ssf_streams(self) -> list[str]:
        """Return the streams that receivers have made, as JSON."""
        return [row[0] for row in self._rows(STREAMS)]

    def received_set(self, transmitter: str, jti: str) -> tuple[str, int] | None:
        """Return digest and time of receipt (microseconds) of a token that was taken before; None if it was not."""
        row = self._row(RECEIVED, {"transmitter": transmitter, "jti": jti})
        return None if row is None else (row[0], row[1])

    def provider_sessions(
        self, apps: Sequence[str], since_us: int, limit: int, *, idp_session_id: str | None, user_id: str | None
    ) -> list[IdpSession]:
        """Return sessions that were used and have not ended, the last used first.

        Args:
            apps: in which to look.
            since_us: earliest event time, microseconds since the epoch.
            limit: how many at most.
            idp_session_id: only of this session at the identity provider.
            user_id: only of this user.

        Raises:
            ValueError: neither a session nor a user is named, which would be everybody.
        """
        if idp_session_id is None and user_id is None:
            raise ValueError("expected a session or a user")
        named = {"idp_session_id": idp_session_id, "user_id": user_id}
        bounds = {"apps": list(apps), "since": since_us, "limit": limit}
        return [IdpSession(*row) for row in self._rows(PROVIDER_SESSIONS, {**bounds, **named})]

    def idp_session_of(self, app: str, session_id: str, since_us: int) -> str | None:
        """Return the identity provider's name of an app's session; None where the app has not told it.

        Args:
            since_us: earliest event time, microseconds since the epoch.
        """
        row = self._row(NAME_OF_SESSION, {"app": app, "session_id": session_id, "since": since_us})
        return None if row is None else row[0]
