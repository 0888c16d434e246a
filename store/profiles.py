"""The days of users, from which baselines are made."""

from __future__ import annotations

from collections.abc import Mapping

from store.reading import Reading
from store.rows import UserDay

HORIZON_DAYS = 93
"""How far back days are read: one more than a profile looks back, for an event from just before midnight."""

# A user who was away for longer than the horizon is known by the newest day. The ids alone go through the index,
# which is what makes this quick; the rest is compared on the few rows that it finds.
DAYS_OF_USERS = """
WITH wanted AS (
    SELECT unnest($realms::VARCHAR[]) AS realm, unnest($users::VARCHAR[]) AS user_id, unnest($days::INTEGER[]) AS before
), found AS (
    SELECT * FROM user_days WHERE user_id IN (SELECT unnest($users::VARCHAR[]))
)
SELECT realm, user_id, day, version, successes, content FROM found JOIN wanted USING (realm, user_id)
WHERE day < before
QUALIFY day >= before - $horizon OR day = max(day) OVER (PARTITION BY realm, user_id)
"""


class Profiles(Reading):
    """The look-up of the detect stage."""

    def user_days(self, users: Mapping[tuple[str, str], int]) -> list[UserDay]:
        """Return the finished days of users, in one query: those inside the horizon, and the newest one of each.

        Args:
            users: by realm and user id the day (days since the epoch) before which days count.
        """
        parameters = {
            "realms": [realm for realm, _ in users],
            "users": [user_id for _, user_id in users],
            "days": list(users.values()),
            "horizon": HORIZON_DAYS,
        }
        return [UserDay(*row) for row in self._rows(DAYS_OF_USERS, parameters)]
