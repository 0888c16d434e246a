"""Alerts as people look for them: by page, by figure, with what was done about them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from schemas.alert import Alert, Severity, Status
from schemas.revocation import LOCK_OVER
from store import alert_rows
from store.reading import Reading
from store.rows import AlertRecord, TriageRow

LATEST_US = 4_102_444_800_000_000
"""2100-01-01, the end of what an event's time may be."""

_RECORD = f"""
{alert_rows.AS_SHOWN}, triage, verdict, owner, coalesce(triage_note, ''), triage_by, epoch_us(triage_time),
epoch_us(stored), epoch_us(greatest(updated, coalesce(triage_time, updated)))
"""
_TRIAGE_FIELDS = 8
ALERT_RECORD = f"SELECT {_RECORD} FROM alerts WHERE alert_id = $alert_id"
# By severity the rank comes first; else it is the same for all.
ALERT_RECORDS = f"""
SELECT {_RECORD} FROM alerts
WHERE ($apps::VARCHAR[] IS NULL OR list_contains($apps, app))
    AND ($severities::VARCHAR[] IS NULL OR list_contains($severities, severity))
    AND ($statuses::VARCHAR[] IS NULL OR list_contains($statuses, {alert_rows.STATUS}))
    AND ($rule_id::VARCHAR IS NULL OR rule_id = $rule_id)
    AND ($user_id::VARCHAR IS NULL OR user_id = $user_id)
    AND ($session_id::VARCHAR IS NULL OR session_id = $session_id)
    AND ($campaign_id::VARCHAR IS NULL
        OR alert_id IN (SELECT alert_id FROM campaign_members WHERE campaign_id = $campaign_id))
    AND ($owner::VARCHAR IS NULL OR coalesce(owner, '') = $owner)
    AND ($text::VARCHAR IS NULL
        OR contains(lower(concat_ws(' ', alert_id, rule_id, app, key_value, user_id, session_id, ip, network, summary)),
            lower($text)))
    AND ($suppressed OR suppressed_by IS NULL)
    AND event_time >= make_timestamp($since) AND event_time < make_timestamp($until)
    AND (CASE WHEN $by_severity THEN severity_rank ELSE 0 END, event_time, alert_id)
        < ($after_rank::UTINYINT, make_timestamp($after_time), $after_id)
ORDER BY CASE WHEN $by_severity THEN severity_rank ELSE 0 END DESC, event_time DESC, alert_id DESC
LIMIT $limit
"""
ALERT_FACTS = f"""
SELECT count(*) FILTER (open), count(*) FILTER (open AND owner IS NULL),
    count(*) FILTER (open AND severity = 'critical'), epoch_us(min(stored) FILTER (open)), epoch_us(max(changed))
FROM (
    SELECT {alert_rows.STATUS} IN ('new', 'acknowledged') AS open, owner, severity, stored,
        greatest(updated, coalesce(triage_time, updated)) AS changed
    FROM alerts WHERE suppressed_by IS NULL AND ($apps::VARCHAR[] IS NULL OR list_contains($apps, app)))
"""
RULE_FACTS = """
SELECT rule_id, count(*) FILTER (stored >= make_timestamp($week)), epoch_us(max(stored)),
    count(*) FILTER (verdict = 'confirmed' AND triage_time >= make_timestamp($month)),
    count(*) FILTER (verdict = 'benign' AND triage_time >= make_timestamp($month)),
    count(*) FILTER (verdict = 'false_alarm' AND triage_time >= make_timestamp($month)),
    count(*) FILTER (verdict = 'false_alarm' AND triage_time >= make_timestamp($month)
        OR alert_id IN (SELECT alert_id FROM revocations WHERE state = 'released' AND alert_id IS NOT NULL
            AND updated >= make_timestamp($month) AND json_extract(times, '$.sent') IS NOT NULL AND note <> $by_itself))
FROM alerts WHERE suppressed_by IS NULL AND ($apps::VARCHAR[] IS NULL OR list_contains($apps, app)) GROUP BY rule_id
"""
RECORDS_OF = f"SELECT {_RECORD} FROM alerts WHERE alert_id IN (SELECT unnest($ids::VARCHAR[]))"
UNANSWERED = f"""
SELECT {_RECORD} FROM alerts
WHERE triage IS NULL AND NOT withdrawn AND suppressed_by IS NULL AND stored >= make_timestamp($since)
    AND list_contains($severities::VARCHAR[], severity)
ORDER BY stored, alert_id
"""
WORST_OF_SESSIONS = """
SELECT app, session_id, max(severity_rank) FROM alerts
WHERE NOT withdrawn AND suppressed_by IS NULL AND list_contains($sessions::VARCHAR[], session_id)
GROUP BY app, session_id
"""

_SEVERITIES = tuple(Severity)


class RuleFacts(msgspec.Struct, frozen=True):
    """How a rule does: alerts of a week, and what people made of those of a month.

    Attributes:
        errors: false alarms, and alerts of which a person has released a revocation; each alert counts once.
    """

    alerts: int = 0
    last_us: int | None = None
    confirmed: int = 0
    benign: int = 0
    false_alarm: int = 0
    errors: int = 0


class AlertFacts(msgspec.Struct, frozen=True):
    """The figures over all alerts; open = new or acknowledged."""

    open: int
    unassigned: int
    critical: int
    oldest_us: int | None
    newest_change_us: int | None


class AlertFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts; None stands for all.

    Attributes:
        apps: an empty one for none.
        owner: whose; an empty text for nobody's.
        text: found anywhere in what an alert names, upper or lower case.
        since_us, until_us: event time, microseconds since the epoch.
        suppressed: also those that an exception covers.
    """

    apps: Collection[str] | None = None
    severities: Collection[Severity] | None = None
    statuses: Collection[Status] | None = None
    rule_id: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    campaign_id: str | None = None
    owner: str | None = None
    text: str | None = None
    since_us: int = 0
    until_us: int = LATEST_US
    suppressed: bool = False


class AlertSearch(Reading):
    """Queries over alerts, with what people made of them."""

    def alert_record(self, alert_id: str) -> AlertRecord | None:
        """Return an alert and its triage, or None."""
        row = self._row(ALERT_RECORD, {"alert_id": alert_id})
        return None if row is None else _record_of(row)

    def alert_records_of(self, alert_ids: Iterable[str]) -> dict[str, AlertRecord]:
        """Return alerts by their ids, those that there are."""
        found = map(_record_of, self._rows(RECORDS_OF, {"ids": list(alert_ids)}))
        return {record.alert.alert_id: record for record in found}

    def alert_records(
        self,
        wanted: AlertFilter,
        *,
        by_severity: bool = False,
        after: tuple[int, int, str] | None = None,
        limit: int = 100,
    ) -> list[AlertRecord]:
        """Return alerts, the newest event first.

        Args:
            wanted: which.
            by_severity: the most severe first, and among those the newest.
            after: rank (0 unless by severity), event time and id of the last alert of the page before.
            limit: most rows.
        """
        after_rank, after_time, after_id = after or (255, LATEST_US, "")
        parameters = {
            "apps": _listed(wanted.apps),
            "severities": None if wanted.severities is None else [str(one) for one in wanted.severities],
            "statuses": _listed(wanted.statuses),
            "rule_id": wanted.rule_id,
            "user_id": wanted.user_id,
            "session_id": wanted.session_id,
            "campaign_id": wanted.campaign_id,
            "owner": wanted.owner,
            "text": wanted.text,
            "since": wanted.since_us,
            "until": wanted.until_us,
            "suppressed": wanted.suppressed,
            "by_severity": by_severity,
            "after_rank": after_rank,
            "after_time": after_time,
            "after_id": after_id,
            "limit": limit,
        }
        return [_record_of(row) for row in self._rows(ALERT_RECORDS, parameters)]

    def alert_facts(self, apps: Collection[str] | None = None) -> AlertFacts:
        """Return the figures over the alerts of these apps; None for all."""
        row = self._row(ALERT_FACTS, {"apps": _listed(apps)})
        return AlertFacts(*row) if row else AlertFacts(0, 0, 0, None, None)

    def rule_facts(self, week_us: int, month_us: int, apps: Collection[str] | None = None) -> dict[str, RuleFacts]:
        """Return by rule how it did.

        Args:
            week_us: alerts stored since are counted, microseconds since the epoch.
            month_us: verdicts given since are counted.
            apps: of these; None for all.
        """
        parameters = {"week": week_us, "month": month_us, "apps": _listed(apps), "by_itself": LOCK_OVER}
        return {row[0]: RuleFacts(*row[1:]) for row in self._rows(RULE_FACTS, parameters)}

    def unanswered_alerts(self, since_us: int, severities: Collection[Severity]) -> list[AlertRecord]:
        """Return the alerts of these severities that were stored since an instant and that nobody has answered."""
        parameters = {"since": since_us, "severities": [one.value for one in severities]}
        return [_record_of(row) for row in self._rows(UNANSWERED, parameters)]

    def worst_of_sessions(self, sessions: Iterable[str]) -> dict[tuple[str, str], Severity]:
        """Return by app and session the highest severity of its alerts, for those that have one."""
        rows = self._rows(WORST_OF_SESSIONS, {"sessions": list(sessions)})
        return {(app, session_id): _SEVERITIES[rank] for app, session_id, rank in rows}


def _listed(values: Collection[Any] | None) -> list[Any] | None:
    return None if values is None else list(values)


def _record_of(row: tuple[Any, ...]) -> AlertRecord:
    alert: Alert = alert_rows.alert_of(row[:-_TRIAGE_FIELDS])
    status, verdict, owner, note, by, at_us, stored_us, updated_us = row[-_TRIAGE_FIELDS:]
    triage = TriageRow(alert.alert_id, alert.app, status, verdict, owner, note, by, at_us)
    return AlertRecord(alert, triage, stored_us, updated_us)
