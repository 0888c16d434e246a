"""What is kept for how long, and the statements by which the rest goes."""

from __future__ import annotations

from schemas.instant import DAY

USER_DAYS_KEPT = 93
NEWEST_DAY_KEPT = 400
"""For how many days the days of users are kept, and how long the newest of each: by it an account that wakes after
more than a year is still told from a new one."""

REVOCATION_LIFE_US = 90 * DAY
"""How much longer than events revocations are kept. An app remembers one for 30 days or its absolute timeout
and ignores a lower sequence: were it forgotten here first, the next revocation would be ignored there."""

COMPACT_FROM = 10_000
"""Snapshot rows below which a second compaction is not worth its pass over the table."""

RETAIN_DAYS = """
DELETE FROM user_days WHERE day < $before AND (
    day < $newest_before
    OR (realm, user_id, day) NOT IN (SELECT (realm, user_id, max(day)) FROM user_days GROUP BY realm, user_id))
"""
REMEMBER_SEQ = "INSERT INTO meta VALUES ('last_seq', $seq) ON CONFLICT (name) DO UPDATE SET value = excluded.value"

DROP_SUPERSEDED_SNAPSHOTS = """
DELETE FROM snapshots WHERE content IS NULL
    OR mark <= (
        SELECT coalesce(max(mark), 0) FROM snapshot_marks
        WHERE fingerprint <> (SELECT arg_max(fingerprint, mark) FROM snapshot_marks))
    OR (kind, key, mark) NOT IN (SELECT (kind, key, max(mark)) FROM snapshots GROUP BY kind, key)
"""
# An expired key's NULL row may go only when the rows that it supersedes go with it, which the statement does.
COUNT_SNAPSHOTS = "SELECT count(*) FROM snapshots"
DROP_SUPERSEDED_MARKS = "DELETE FROM snapshot_marks WHERE mark < (SELECT max(mark) FROM snapshot_marks)"


# What came after the newest snapshot is re-run at the next start, however old it is by event time.
RETAIN: dict[str, str] = {
    "events": """
        DELETE FROM events WHERE event_time < make_timestamp($before)
        AND seq <= (SELECT coalesce(max(seq), 0) FROM snapshot_marks)
    """,
    "signals": """
        DELETE FROM signals WHERE signal_time < make_timestamp($before)
        AND seq <= (SELECT coalesce(max(seq), 0) FROM snapshot_marks)
    """,
    "dead_letters": "DELETE FROM dead_letters WHERE arrival < make_timestamp($before)",
    "alerts": "DELETE FROM alerts WHERE greatest(last_event_time, updated) < make_timestamp($before)",
    # A report to a SIEM repeats a whole alert: once it is there, no second copy of it is kept here for long.
    "outbox": """
        DELETE FROM outbox WHERE (state <> 'pending' AND finished < make_timestamp($before))
        OR (kind = 'siem.alert' AND state IN ('delivered', 'dropped')
            AND finished < (SELECT max(created) FROM outbox) - INTERVAL 7 DAY)
    """,
    "revocations": "DELETE FROM revocations WHERE updated < make_timestamp($before_revocations)",
    "step_ups": "DELETE FROM step_ups WHERE ended < make_timestamp($before)",
    "risks": "DELETE FROM risks WHERE as_of < make_timestamp($before)",
    "campaigns": "DELETE FROM campaigns WHERE last < make_timestamp($before)",
    # Tokens older than a week are never taken: until then each is remembered, however short the retention.
    "ssf_received": """
        DELETE FROM ssf_received WHERE received < make_timestamp($before)
        AND received < (SELECT max(received) FROM ssf_received) - INTERVAL 8 DAY
    """,
    "campaign_members": "DELETE FROM campaign_members WHERE campaign_id NOT IN (SELECT campaign_id FROM campaigns)",
}
