"""What a digest is made of: the figures of a day or week, and what waits for a decision at its end."""

from __future__ import annotations

import msgspec

from schemas.alert import Severity
from store.reading import Reading

MOST_WAITING = 10
"""Alerts that are named one by one; the rest is counted."""
MOST_APPS = 5

_COUNTED = "NOT withdrawn AND suppressed_by IS NULL AND mode <> 'shadow'"
_OPEN = f"{_COUNTED} AND drill IS NULL AND (triage IS NULL OR triage = 'acknowledged')"

EVENTS = """
SELECT count(*) FROM events
WHERE event_time >= make_timestamp($since) AND event_time < make_timestamp($until) AND type <> 'heartbeat'
"""
OPEN = f"SELECT severity, count(*), epoch_us(min(stored)) FROM alerts WHERE {_OPEN} GROUP BY severity"
WAITING = f"""
SELECT alert_id, severity, rule_id, app, user_id, key_kind, key_value, owner, epoch_us(stored) FROM alerts
WHERE {_OPEN} AND severity IN ('critical', 'high')
ORDER BY severity_rank DESC, stored, alert_id LIMIT $limit
"""
HELD = "SELECT count(*), epoch_us(min(decided)) FROM revocations WHERE state = 'held'"
RAISED = f"""
SELECT rule_id, severity, count(*) FROM alerts
WHERE stored >= make_timestamp($since) AND stored < make_timestamp($until) AND {_COUNTED} AND drill IS NULL
GROUP BY rule_id, severity ORDER BY max(severity_rank) DESC, count(*) DESC, rule_id
"""
DECIDED = """
SELECT count(*), count(*) FILTER (verdict = 'confirmed'), count(*) FILTER (verdict = 'benign'),
    count(*) FILTER (verdict = 'false_alarm'), quantile_disc(epoch_us(triage_time) - epoch_us(stored), 0.5),
    quantile_disc(epoch_us(triage_time) - epoch_us(stored), 0.9)
FROM alerts
WHERE triage = 'resolved' AND drill IS NULL
    AND triage_time >= make_timestamp($since) AND triage_time < make_timestamp($until)
"""
# A miss is infinite; what is delivered and neither proven nor disproved says nothing yet and counts apart.
REVOKED = """
WITH decided AS (
    SELECT state, json_extract(times, '$.sent') IS NOT NULL AS sent,
        json_extract(times, '$.confirmed')::BIGINT AS confirmed,
        json_extract(times, '$.requested')::BIGINT AS requested
    FROM revocations
    WHERE decided >= make_timestamp($since) AND decided < make_timestamp($until) AND scope IN ('session', 'user')
), measured AS (
    SELECT *, CASE
        WHEN NOT sent THEN NULL
        WHEN state = 'failed' THEN 'infinity'::DOUBLE
        ELSE (confirmed - requested)::DOUBLE
    END AS took
    FROM decided
)
SELECT count(*), count(*) FILTER (sent), count(*) FILTER (isfinite(took)), count(*) FILTER (isinf(took)),
    count(*) FILTER (state = 'suppressed'), count(*) FILTER (state = 'released'),
    quantile_disc(took, 0.5), quantile_disc(took, 0.99)
FROM measured
"""
FAILED = """
SELECT app, count(*) FROM revocations
WHERE state = 'failed' AND updated >= make_timestamp($since) AND updated < make_timestamp($until)
GROUP BY app ORDER BY count(*) DESC, app
"""
REFUSED = """
SELECT reason, count(*) FROM dead_letters
WHERE arrival >= make_timestamp($since) AND arrival < make_timestamp($until)
GROUP BY reason ORDER BY count(*) DESC, reason
"""
PARKED = """
SELECT lane, count(*), coalesce(arg_max(last_error, place) FILTER (last_error <> ''), '') FROM outbox
WHERE state = 'parked' GROUP BY lane ORDER BY count(*) DESC, lane
"""
TOP_APPS = f"""
SELECT app, count(*), count(DISTINCT user_id) FROM alerts
WHERE stored >= make_timestamp($since) AND stored < make_timestamp($until) AND {_COUNTED} AND drill IS NULL
GROUP BY app ORDER BY count(*) DESC, app LIMIT $limit
"""
DRILLED = """
SELECT drill, count(*), coalesce(string_agg(DISTINCT rule_id, ', ' ORDER BY rule_id), '') FROM alerts
WHERE drill IS NOT NULL AND NOT withdrawn AND stored >= make_timestamp($since) AND stored < make_timestamp($until)
GROUP BY drill ORDER BY min(stored), drill
"""
MISSED_DRILLS = """
SELECT summary FROM alerts
WHERE rule_id = 'drill-missed' AND stored >= make_timestamp($since) AND stored < make_timestamp($until)
ORDER BY stored, alert_id
"""


class WaitingAlert(msgspec.Struct, frozen=True):
    """A critical or high alert that is open; `stored_us`: since when, microseconds since the epoch."""

    alert_id: str
    severity: str
    rule_id: str
    app: str
    user_id: str | None
    key_kind: str
    key_value: str
    owner: str | None
    stored_us: int


class Decided(msgspec.Struct, frozen=True):
    """Alerts that people resolved, and how long that took since they were raised; None where none was.

    Attributes:
        median_us, p90_us: microseconds.
    """

    count: int = 0
    confirmed: int = 0
    benign: int = 0
    false_alarm: int = 0
    median_us: int | None = None
    p90_us: int | None = None


class Revoked(msgspec.Struct, frozen=True):
    """Revocations of sessions and users that were decided, and how long they took from request to proof.

    Attributes:
        suppressed: shown only, in a dry run.
        median_us, p99_us: microseconds; infinite where so many missed, None where none was measured.
    """

    count: int = 0
    sent: int = 0
    confirmed: int = 0
    missed: int = 0
    suppressed: int = 0
    released: int = 0
    median_us: float | None = None
    p99_us: float | None = None


class DigestFigures(msgspec.Struct, frozen=True):
    """A day or week in figures. What waits is of the moment that asks, the rest of the time asked for.

    Attributes:
        open: severity, number, and since when the oldest waits (microseconds since the epoch), the worst first.
        waiting: the worst of them, the oldest first.
        held: revocations that wait for a person; `held_since_us`: the oldest.
        raised: rule, severity and number, the worst rule first; without drills and shadow rules.
        failed: revocations that failed, by app; `refused`: messages, by reason.
        parked: lane, number and last error of deliveries that were given up, until somebody retries or drops them.
        apps: app, alerts and users of those with most alerts.
        drills: id, alerts and their rules; `missed_drills`: what was missed, in words.
    """

    since_us: int
    until_us: int
    events: int
    open: tuple[tuple[str, int, int], ...]
    waiting: tuple[WaitingAlert, ...]
    held: int
    held_since_us: int | None
    raised: tuple[tuple[str, str, int], ...]
    decided: Decided
    revoked: Revoked
    failed: tuple[tuple[str, int], ...]
    refused: tuple[tuple[str, int], ...]
    parked: tuple[tuple[str, int, str], ...]
    apps: tuple[tuple[str, int, int], ...]
    drills: tuple[tuple[str, int, str], ...]
    missed_drills: tuple[str, ...]

    @property
    def to_decide(self) -> int:
        """How much waits for a person: open alerts and held revocations."""
        return sum(count for _, count, _ in self.open) + self.held

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to tell."""
        told = (self.open, self.held, self.raised, self.decided.count, self.revoked.count, self.failed, self.refused)
        return not any((*told, self.parked, self.drills, self.missed_drills))


class Digests(Reading):
    """Queries of a digest."""

    def digest_figures(self, since_us: int, until_us: int) -> DigestFigures:
        """Return the figures of a time; both microseconds since the epoch."""
        span = {"since": since_us, "until": until_us}
        held = self._row(HELD)
        decided, revoked = self._row(DECIDED, span), self._row(REVOKED, span)
        opened: list[tuple[str, int, int]] = self._rows(OPEN)
        return DigestFigures(
            since_us=since_us,
            until_us=until_us,
            events=self._number(EVENTS, span),
            open=tuple(sorted(opened, key=lambda one: -Severity(one[0]).rank)),
            waiting=tuple(WaitingAlert(*row) for row in self._rows(WAITING, {"limit": MOST_WAITING})),
            held=0 if held is None else held[0],
            held_since_us=None if held is None else held[1],
            raised=tuple(self._rows(RAISED, span)),
            decided=Decided() if decided is None else Decided(*decided),
            revoked=Revoked() if revoked is None else Revoked(*revoked),
            failed=tuple(self._rows(FAILED, span)),
            refused=tuple(self._rows(REFUSED, span)),
            parked=tuple(self._rows(PARKED)),
            apps=tuple(self._rows(TOP_APPS, {**span, "limit": MOST_APPS})),
            drills=tuple(self._rows(DRILLED, span)),
            missed_drills=tuple(summary for (summary,) in self._rows(MISSED_DRILLS, span)),
        )
