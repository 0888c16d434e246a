"""Alerts: the queue, its figures, and one of them whole."""

from __future__ import annotations

from typing import Literal

from detectors.networks import describe
from response.triage import TRIAGED, last_triage
from schemas.alert import Alert, EvidenceView
from schemas.api import AlertDetail, AlertFacts, AlertPage, AlertRow, VerdictCounts
from schemas.event import Agent
from schemas.instant import DAY, to_datetime
from schemas.revocation import RevocationView
from sessionwatch.api.answers.campaign_rows import campaign_brief
from sessionwatch.api.answers.risk import risk_view
from sessionwatch.api.answers.rows import act, alert_fields, alert_row, newest_by_session
from sessionwatch.api.asker import Asker
from sessionwatch.api.cursor import from_cursor, to_cursor
from sessionwatch.api.problem import not_found
from store.alert_search import AlertFilter, RuleFacts
from store.revocation_search import RevocationFilter
from store.rows import AlertRecord

WEEK_US, MONTH_US = 7 * DAY, 30 * DAY

Order = Literal["newest", "severity"]


def alert_page(asker: Asker, wanted: AlertFilter, order: Order, cursor: str | None, limit: int) -> AlertPage:
    """Return a page of the queue.

    Args:
        asker: who asks; `wanted.apps` is already what they may see.
        wanted: which alerts.
        order: newest first, or the most severe first.
        cursor: where the page before ended.
        limit: most rows.

    Raises:
        Refusal: the cursor is none of this list.
    """
    by_severity = order == "severity"
    after = from_cursor(cursor, tuple[int, int, str])
    records = asker.reader.alert_records(wanted, by_severity=by_severity, after=after, limit=limit + 1)
    shown = records[:limit]
    following = None
    if len(records) > limit:
        last = shown[-1].alert
        following = to_cursor((last.severity.rank if by_severity else 0, last.event_time_us, last.alert_id))
    return AlertPage(items=alert_rows(asker, shown), next=following)


def alert_rows(asker: Asker, records: list[AlertRecord]) -> list[AlertRow]:
    """Return alerts with how far the revocations of their sessions have come."""
    sessions = {record.alert.session_id for record in records if record.alert.session_id is not None}
    newest = newest_by_session(asker.reader.revocations_of(sessions)) if sessions else {}
    campaigns = asker.reader.campaigns_of(record.alert.alert_id for record in records) if records else {}
    return [
        alert_row(
            record,
            asker.installation.title(record.alert.rule_id),
            newest.get((record.alert.app, record.alert.session_id or "")),
            campaigns.get(record.alert.alert_id),
        )
        for record in records
    ]


def alert_facts(asker: Asker) -> AlertFacts:
    """Return the figures above the queue."""
    facts = asker.reader.alert_facts(asker.principal.visible())
    return AlertFacts(
        open=facts.open,
        unassigned=facts.unassigned,
        critical=facts.critical,
        oldest=None if facts.oldest_us is None else to_datetime(facts.oldest_us),
        newest_change=None if facts.newest_change_us is None else to_datetime(facts.newest_change_us),
    )


def visible_alert(asker: Asker, alert_id: str) -> AlertRecord:
    """Return an alert.

    Raises:
        Refusal: 404, there is none that this asker may see.
    """
    record = asker.reader.alert_record(alert_id)
    if record is None or not asker.sees(record.alert.app):
        raise not_found("alert")
    return record


def alert_detail(asker: Asker, alert_id: str) -> AlertDetail:
    """Return an alert whole, with what was done about it.

    Raises:
        Refusal: 404, there is none that this asker may see.
    """
    record = visible_alert(asker, alert_id)
    alert, reader = record.alert, asker.reader
    revocations = {one.revocation_id: one for one, _ in reader.revocation_page(RevocationFilter(alert_id=alert_id))}
    if alert.session_id is not None:
        of_session = reader.revocations_of([alert.session_id])
        revocations |= {one.revocation_id: one for one in of_session if one.app == alert.app}
    ordered = sorted(revocations.values(), key=lambda one: min(one.times.values()), reverse=True)
    history = reader.acts([alert_id, *revocations])
    last = last_triage([line for line in history if line.subject == alert_id])
    now_us = asker.now_us()
    facts = reader.rule_facts(now_us - WEEK_US, now_us - MONTH_US, asker.principal.visible())
    rule = asker.installation.settings.rule_classes.get(alert.rule_id)
    realm, campaign_id = asker.installation.apps.realm_of(alert.app), reader.campaigns_of([alert_id]).get(alert_id)
    return AlertDetail.model_validate(
        {
            **alert_fields(
                record,
                asker.installation.title(alert.rule_id),
                newest_by_session(ordered).get((alert.app, alert.session_id or "")),
                campaign_id,
            ),
            "rule_version": alert.rule_version,
            "model_id": alert.model_id,
            "evidence": [
                EvidenceView(event_id=item.event_id, event_time=to_datetime(item.time_us), fact=item.fact)
                for item in alert.evidence
            ],
            "usual": alert.usual,
            "now": _now(asker, alert),
            "realm": realm,
            "runbook": [] if rule is None else list(rule.runbook),
            "verdicts": verdict_counts(facts.get(alert.rule_id, RuleFacts())),
            "revocations": [RevocationView.of(one) for one in ordered],
            "history": [act(line) for line in history],
            "can_undo": last is not None and last.act == TRIAGED and last.actor == asker.principal.name,
            "user_risk": alert.user_id and risk_view(asker, "user", realm, alert.user_id),
            "session_risk": alert.session_id and risk_view(asker, "session", alert.app, alert.session_id),
            "campaign": campaign_brief(asker, campaign_id),
        }
    )


def verdict_counts(facts: RuleFacts) -> VerdictCounts:
    """Return what people made of a rule's alerts."""
    return VerdictCounts(confirmed=facts.confirmed, benign=facts.benign, false_alarm=facts.false_alarm)


def _now(asker: Asker, alert: Alert) -> dict[str, str]:
    """Return under the names of `usual` what the alert's last event shows."""
    facts = {"address": alert.ip, "network": alert.network, "device": alert.device_id}
    last = alert.evidence[-1] if alert.evidence else None
    event = None if last is None else asker.reader.event(last.event_id, last.time_us)
    if event is not None:
        facts |= {
            "address": event.ip,
            "network": describe(event.place),
            "agent": _agent(event.agent),
            "device": event.device_id,
            "country": event.place.country,
        }
    return {name: value for name, value in facts.items() if value}


def _agent(agent: Agent) -> str:
    return " on ".join(part for part in (agent.family, agent.os) if part) or "an unknown agent"
