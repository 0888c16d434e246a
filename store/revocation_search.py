"""Revocations as people look for them, and how their messages have fared."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from schemas.revocation import Revocation, Scope, State
from store import outbox_rows, revocation_rows
from store.reading import Reading
from store.rows import OutboxMessage

LATEST_US = 4_102_444_800_000_000
MAX_OF_ONE = 100
"""Revocations or messages that are shown beside one alert, session or user; the newest of them."""

PAGE = f"""
SELECT {revocation_rows.SELECTED}, epoch_us(decided) FROM revocations
WHERE ($apps::VARCHAR[] IS NULL OR list_contains($apps, app))
    AND ($states::VARCHAR[] IS NULL OR list_contains($states, state))
    AND ($subject::VARCHAR IS NULL OR subject = $subject)
    AND ($user_id::VARCHAR IS NULL OR user_id = $user_id)
    AND ($alert_id::VARCHAR IS NULL OR alert_id = $alert_id)
    AND ($scope::VARCHAR IS NULL OR scope = $scope)
    AND decided >= make_timestamp($since) AND decided < make_timestamp($until)
    AND (decided, revocation_id) < (make_timestamp($after_time), $after_id)
ORDER BY decided DESC, revocation_id DESC LIMIT $limit
"""
OF_SESSIONS = f"""
SELECT {revocation_rows.SELECTED} FROM revocations
WHERE scope = 'session' AND list_contains($sessions::VARCHAR[], subject)
    OR scope = 'user' AND list_contains($users::VARCHAR[], subject)
ORDER BY decided DESC, revocation_id DESC LIMIT $limit
"""
MESSAGES = f"""
SELECT {outbox_rows.SELECTED} FROM outbox WHERE subject = $subject AND kind LIKE 'session.%' ORDER BY place LIMIT $limit
"""
STANDING = """
SELECT count(*) FILTER (state = 'held'),
    count(*) FILTER (state = 'failed' AND updated >= make_timestamp($day)),
    count(*) FILTER (state = 'delivered' AND updated >= make_timestamp($day) AND updated < make_timestamp($minute)),
    quantile_cont((json_extract(times, '$.confirmed')::BIGINT - json_extract(times, '$.requested')::BIGINT), 0.95)
        FILTER (state = 'confirmed' AND decided >= make_timestamp($day))
FROM revocations WHERE $apps::VARCHAR[] IS NULL OR list_contains($apps, app)
"""


class RevocationFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which revocations; None stands for all, an empty collection for none. Instants: microseconds, epoch."""

    apps: Collection[str] | None = None
    states: Collection[State] | None = None
    subject: str | None = None
    user_id: str | None = None
    alert_id: str | None = None
    scope: Scope | None = None
    since_us: int = 0
    until_us: int = LATEST_US


class Standing(msgspec.Struct, frozen=True):
    """How revocations stand; `confirm_p95_us` from requested to confirmed, None without any."""

    held: int
    failed: int
    unproven: int
    confirm_p95_us: float | None


class RevocationSearch(Reading):
    """Queries over revocations."""

    def revocation_page(
        self, wanted: RevocationFilter, *, after: tuple[int, str] | None = None, limit: int = 100
    ) -> list[tuple[Revocation, int]]:
        """Return revocations with the time of their decision, the last decided first.

        Args:
            wanted: which.
            after: time of the decision, and id, of the last of the page before.
            limit: most rows.
        """
        after_time, after_id = after or (LATEST_US, "")
        parameters = {
            "apps": None if wanted.apps is None else list(wanted.apps),
            "states": None if wanted.states is None else list(wanted.states),
            "subject": wanted.subject,
            "user_id": wanted.user_id,
            "alert_id": wanted.alert_id,
            "scope": wanted.scope,
            "since": wanted.since_us,
            "until": wanted.until_us,
            "after_time": after_time,
            "after_id": after_id,
            "limit": limit,
        }
        return [(revocation_rows.revocation_of(row[:-1]), row[-1]) for row in self._rows(PAGE, parameters)]

    def revocations_of(self, sessions: Iterable[str] = (), users: Iterable[str] = ()) -> list[Revocation]:
        """Return those of any of these sessions, or of all sessions of these users; the last decided first."""
        sessions, users = list(sessions), list(users)
        parameters = {"sessions": sessions, "users": users, "limit": max(MAX_OF_ONE, 2 * len(sessions))}
        return [revocation_rows.revocation_of(row) for row in self._rows(OF_SESSIONS, parameters)]

    def messages_of(self, revocation_id: str) -> list[OutboxMessage]:
        """Return a revocation's messages to targets, in the order of enqueuing."""
        rows = self._rows(MESSAGES, {"subject": revocation_id, "limit": MAX_OF_ONE})
        return [outbox_rows.message_of(row) for row in rows]

    def standing(self, day_us: int, minute_us: int, apps: Collection[str] | None = None) -> Standing:
        """Return how revocations stand.

        Args:
            day_us: those since, microseconds since the epoch; held ones always count.
            minute_us: delivered before and not confirmed means unproven.
            apps: of these; None for all.
        """
        parameters = {"day": day_us, "minute": minute_us, "apps": None if apps is None else list(apps)}
        row = self._row(STANDING, parameters)
        return Standing(*row) if row else Standing(0, 0, 0, None)
