"""How an app keeps its promises: how long its revocations take, and what was reported about it."""

from __future__ import annotations

import msgspec

from store.reading import Reading

# A miss is infinite; what is delivered and neither proven nor disproved says nothing yet and counts apart.
TIME_TO_REVOKE = """
WITH sent AS (
    SELECT state, json_extract(times, '$.confirmed')::BIGINT AS confirmed,
        json_extract(times, '$.failed')::BIGINT AS failed, json_extract(times, '$.requested')::BIGINT AS requested
    FROM revocations
    WHERE app = $app AND scope IN ('session', 'user') AND decided >= make_timestamp($since)
        AND json_extract(times, '$.sent') IS NOT NULL
), measured AS (
    SELECT CASE
        WHEN state = 'failed' OR confirmed IS NULL AND failed IS NOT NULL THEN 'infinity'::DOUBLE
        ELSE (confirmed - requested)::DOUBLE
    END AS took
    FROM sent
)
SELECT count(*), count(*) FILTER (isfinite(took)), count(*) FILTER (isinf(took)),
    quantile_disc(took, 0.5), quantile_disc(took, 0.99)
FROM measured
"""
REPORTED = """
SELECT rule_id, count(*), epoch_us(max(event_time)), max(severity_rank), arg_max(severity, severity_rank),
    arg_max(summary, event_time), arg_max(alert_id, event_time)
FROM alerts
WHERE app = $app AND key_kind = 'app' AND NOT withdrawn AND suppressed_by IS NULL
    AND event_time >= make_timestamp($since)
GROUP BY rule_id ORDER BY 4 DESC, 3 DESC
"""


class TimeToRevoke(msgspec.Struct, frozen=True):
    """How long an app's revocations took, from the request to the proof.

    Attributes:
        sent: revocations of sessions and users.
        confirmed, missed: proven, and failed or without effect; the rest is not proven yet.
        median_us, p99_us: microseconds; infinite where so many missed, None where none was measured.
    """

    sent: int
    confirmed: int
    missed: int
    median_us: float | None
    p99_us: float | None


class ReportedRow(msgspec.Struct, frozen=True):
    """What a rule has reported about an app: how often, when last (microseconds since the epoch), and the newest."""

    rule_id: str
    reports: int
    last_us: int
    severity: str
    summary: str
    alert_id: str


class AppAudit(Reading):
    """Queries about apps."""

    def time_to_revoke(self, app: str, since_us: int) -> TimeToRevoke:
        """Return how long the revocations decided since an instant (microseconds, epoch) took."""
        row = self._row(TIME_TO_REVOKE, {"app": app, "since": since_us})
        return TimeToRevoke(0, 0, 0, None, None) if row is None else TimeToRevoke(*row)

    def reported_about(self, app: str, since_us: int) -> list[ReportedRow]:
        """Return what was reported about an app as a whole since an instant, the most severe first."""
        rows = self._rows(REPORTED, {"app": app, "since": since_us})
        return [
            ReportedRow(rule, count, last, severity, summary, alert)
            for rule, count, last, _, severity, summary, alert in rows
        ]
