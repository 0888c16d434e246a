"""Sessions: lists, facts, and the events of one."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.alert import Severity
from schemas.api import EventPage, SessionDetail, SessionPage, SessionRow
from schemas.instant import SECOND, to_datetime
from schemas.revocation import Revocation, RevocationView
from sessionwatch.api.answers.alerts import alert_rows
from sessionwatch.api.answers.risk import risk_view
from sessionwatch.api.answers.rows import device_use, event_row, place_use, session_row
from sessionwatch.api.answers.span import LATEST_US, session_span
from sessionwatch.api.asker import Asker
from sessionwatch.api.cursor import from_cursor, to_cursor
from sessionwatch.api.problem import not_found
from store.alert_search import AlertFilter
from store.rows import AlertRecord
from store.session_facts import Scope, SessionSummary

MOST_ALERTS = 200
MOST_PLACES = 100


def session_page(
    asker: Asker,
    between: tuple[int, int],
    *,
    apps: Sequence[str] | None = None,
    user_id: str | None = None,
    network: str | None = None,
    live: bool | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> SessionPage:
    """Return a page of sessions, the last used first.

    Args:
        asker: who asks.
        between: event times, microseconds since the epoch.
        apps: only of these; None = of all that may be seen.
        user_id, network, live: only these; None = all. A session is from the network that it was last used from.
        cursor: where the page before ended.
        limit: most rows.

    Raises:
        Refusal: the cursor is none of this list.
    """
    summaries = asker.reader.session_summaries(
        since_us=between[0],
        until_us=between[1],
        now_us=asker.now_us(),
        idle_us=asker.installation.idle_us,
        apps=asker.principal.visible(apps),
        user_id=user_id,
        network=network,
        live=live,
        after=from_cursor(cursor, tuple[int, str, str]),
        limit=limit + 1,
    )
    shown = summaries[:limit]
    following = None
    if len(summaries) > limit:
        following = to_cursor((shown[-1].last_us, shown[-1].app, shown[-1].session_id))
    return SessionPage(items=session_rows(asker, shown), next=following)


def session_rows(asker: Asker, summaries: list[SessionSummary]) -> list[SessionRow]:
    """Return sessions with the highest severity of their alerts."""
    worst = asker.reader.worst_of_sessions(summary.session_id for summary in summaries) if summaries else {}
    return [session_row(summary, worst) for summary in summaries]


def session_detail(asker: Asker, app: str, session_id: str) -> SessionDetail:
    """Return a session's facts.

    Raises:
        Refusal: 404, there is none that this asker may see.
    """
    span = session_span(asker, app, session_id)
    since_us, until_us = span.first_us, span.end_us
    summary = _summary(asker, app, session_id, since_us)
    scope = Scope(apps=[app], session_id=session_id, since_us=since_us, until_us=until_us)
    types = asker.reader.types_of_session(app, session_id, since_us, until_us)
    alerts = alerts_of_session(asker, app, session_id)
    revocations = revocations_of_session(asker, app, session_id, summary.user_id)
    end_us = summary.ended_us if summary.ended_us is not None else summary.last_us
    return SessionDetail(
        app=app,
        session_id=session_id,
        user_id=summary.user_id,
        realm=asker.installation.apps.realm_of(app),
        live=summary.live,
        created=None if summary.created_us is None else to_datetime(summary.created_us),
        first=to_datetime(summary.first_us),
        last=to_datetime(summary.last_us),
        ended=None if summary.ended_us is None else to_datetime(summary.ended_us),
        end_reason=summary.end_reason,
        lived_s=max(0, end_us - summary.first_us) / SECOND,
        events=summary.events,
        events_by_type={name: rows for name, (rows, _) in types.items()},
        requests=summary.requests,
        refused=types.get("fail", (0, 0))[1],
        networks=[place_use(place) for place in asker.reader.places(scope, MOST_PLACES)],
        devices=[device_use(device) for device in asker.reader.devices(scope, MOST_PLACES)],
        policy=asker.installation.policy(app),
        severity=_worst(alerts),
        risk=risk_view(asker, "session", app, session_id),
        alerts=alert_rows(asker, alerts),
        revocations=[RevocationView.of(one) for one in revocations],
        since=to_datetime(since_us),
        until=to_datetime(until_us),
    )


def event_page(
    asker: Asker, app: str, session_id: str, between: tuple[int | None, int | None], cursor: str | None, limit: int
) -> EventPage:
    """Return a page of a session's events, the oldest first.

    Args:
        asker: who asks.
        app, session_id: whose.
        between: event times as asked, microseconds since the epoch; None = the session's own.
        cursor: where the page before ended.
        limit: most rows.

    Raises:
        Refusal: 404, there is no such session that this asker may see; 422, the cursor is none of this list.
    """
    span = session_span(asker, app, session_id)
    since_us = span.first_us if between[0] is None else max(between[0], span.first_us)
    until_us = span.end_us if between[1] is None else min(between[1], span.end_us)
    after = from_cursor(cursor, tuple[int, str])
    events = asker.reader.session_events(app, session_id, since_us, until_us, after=after, limit=limit + 1)
    shown = events[:limit]
    following = to_cursor((shown[-1].time_us, shown[-1].event_id)) if len(events) > limit else None
    return EventPage(items=[event_row(event) for event in shown], next=following)


def alerts_of_session(asker: Asker, app: str, session_id: str) -> list[AlertRecord]:
    """Return the alerts about a session, the newest first."""
    return asker.reader.alert_records(AlertFilter(apps=[app], session_id=session_id), limit=MOST_ALERTS)


def revocations_of_session(asker: Asker, app: str, session_id: str, user_id: str | None) -> list[Revocation]:
    """Return the revocations of a session, and of all of its user's, the last decided first."""
    users = [] if user_id is None else [user_id]
    return [one for one in asker.reader.revocations_of([session_id], users) if one.app == app]


def _summary(asker: Asker, app: str, session_id: str, since_us: int) -> SessionSummary:
    summaries = asker.reader.session_summaries(
        since_us=since_us,
        # A logout of all the user's sessions may have come after this one's last event.
        until_us=LATEST_US,
        now_us=asker.now_us(),
        idle_us=asker.installation.idle_us,
        apps=[app],
        session_id=session_id,
        limit=1,
    )
    if not summaries:
        raise not_found("session")
    return summaries[0]


def _worst(alerts: list[AlertRecord]) -> Severity | None:
    standing = [record.alert.severity for record in alerts if record.alert.status != "withdrawn"]
    return max(standing, key=lambda severity: severity.rank, default=None)
