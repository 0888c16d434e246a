"""Finished days of users as rows."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from store.arrow import texts
from store.rows import UserDay

KNOWN_DAYS = """
SELECT realm, user_id, day, successes FROM user_days
WHERE user_id IN (SELECT unnest($users::VARCHAR[])) AND day BETWEEN $first AND $last
"""
DROP_DAY = "DELETE FROM user_days WHERE user_id = $user_id AND realm = $realm AND day = $day"
INSERT_DAYS = "INSERT INTO user_days SELECT realm, user_id, day, version, successes, content FROM incoming"


def to_arrow(days: Sequence[UserDay]) -> pa.Table:
    """Return days as rows."""
    return pa.table(
        {
            "realm": texts(row.realm for row in days),
            "user_id": texts(row.user_id for row in days),
            "day": [row.day for row in days],
            "version": [row.version for row in days],
            "successes": [row.successes for row in days],
            "content": pa.array([row.content for row in days], pa.binary()),
        }
    )
