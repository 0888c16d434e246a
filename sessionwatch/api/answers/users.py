"""Users: by risk, and one of a realm with sessions, devices and places."""

from __future__ import annotations

from schemas.api import SessionPage, UserDetail, UserPage, UserRow
from schemas.cleaning import clean_user_id
from schemas.instant import to_datetime
from schemas.revocation import RevocationView
from sessionwatch.api.answers.alerts import alert_rows
from sessionwatch.api.answers.risk import LEAST, explained, risk_view
from sessionwatch.api.answers.rows import device_use, place_use
from sessionwatch.api.answers.sessions import session_page
from sessionwatch.api.asker import Asker
from sessionwatch.api.cursor import from_cursor, to_cursor
from sessionwatch.api.problem import not_found
from store.alert_search import AlertFilter
from store.revocation_search import RevocationFilter
from store.session_facts import Scope

MOST = 100
_MOST_LIVE = 1_000


def users_by_risk(asker: Asker, apps: list[str] | None, cursor: str | None, limit: int) -> UserPage:
    """Return a page of the users against whom anything counts, the highest risk first.

    Args:
        asker: who asks.
        apps: alerts of these alone; None = of all that may be seen.
        cursor: where the page before ended; scores are then as they were at the first page.
        limit: most rows.

    Raises:
        Refusal: 422, the cursor is none of this list.
    """
    place = from_cursor(cursor, tuple[int, float, str, str])
    now_us, after = (asker.now_us(), None) if place is None else (place[0], place[1:])
    visible = asker.principal.visible(apps)
    found = asker.reader.riskiest_users(now_us, apps=visible, least=LEAST, after=after, limit=limit + 1)
    shown = found[:limit]
    following = None
    if len(found) > limit:
        row, score = shown[-1]
        following = to_cursor((now_us, score, row.scope, row.value))
    items = [
        UserRow(
            realm=row.scope,
            user_id=row.value,
            risk=explained(asker, row, now_us, visible),
            last=to_datetime(max(one.time_us for one in row.contributions if visible is None or one.app in visible)),
        )
        for row, _ in shown
    ]
    return UserPage(items=items, next=following)


def user_detail(asker: Asker, realm: str, user_id: str, between: tuple[int, int]) -> UserDetail:
    """Return what is known of a user.

    Args:
        asker: who asks.
        realm, user_id: whom; the id is cleaned as that of an event is.
        between: event times, microseconds since the epoch.

    Raises:
        Refusal: 404, nothing was seen of such a user in apps that this asker may see.
    """
    apps, user_id = visible_apps(asker, realm), cleaned(user_id)
    scope = Scope(apps=apps, user_id=user_id, since_us=between[0], until_us=between[1])
    reader = asker.reader
    facts = reader.user_facts(scope)
    if facts.first_us is None or facts.last_us is None:
        raise not_found("user")
    live = reader.session_summaries(
        since_us=between[0],
        until_us=between[1],
        now_us=asker.now_us(),
        idle_us=asker.installation.idle_us,
        apps=apps,
        user_id=user_id,
        live=True,
        limit=_MOST_LIVE,
    )
    alerts = reader.alert_records(AlertFilter(apps=apps, user_id=user_id, since_us=between[0]), limit=MOST)
    revocations = reader.revocation_page(RevocationFilter(apps=apps, user_id=user_id), limit=MOST)
    return UserDetail(
        realm=realm,
        user_id=user_id,
        apps=facts.apps or [],
        first=to_datetime(facts.first_us),
        last=to_datetime(facts.last_us),
        sessions=facts.sessions,
        live=len(live),
        failures=facts.failures,
        devices=[device_use(device) for device in reader.devices(scope, MOST)],
        places=[place_use(place) for place in reader.places(scope, MOST)],
        risk=risk_view(asker, "user", realm, user_id),
        alerts=alert_rows(asker, alerts),
        revocations=[RevocationView.of(one) for one, _ in revocations],
        since=to_datetime(between[0]),
        until=to_datetime(between[1]),
    )


def sessions_of_user(
    asker: Asker, realm: str, user_id: str, between: tuple[int, int], cursor: str | None, limit: int
) -> SessionPage:
    """Return a page of a user's sessions, the last used first; arguments as for `user_detail`.

    Raises:
        Refusal: 404, the realm has no app that this asker may see; 422, the cursor is none of this list.
    """
    apps, user_id = visible_apps(asker, realm), cleaned(user_id)
    from_cursor(cursor, tuple[int, str, str])
    return session_page(asker, between, apps=apps, user_id=user_id, cursor=cursor, limit=limit)


def visible_apps(asker: Asker, realm: str) -> list[str]:
    """Return the apps of a realm that this asker may see.

    Raises:
        Refusal: 404, there is none.
    """
    apps = asker.principal.visible(asker.installation.apps_of(realm))
    if not apps:
        raise not_found("user")
    return apps


def cleaned(user_id: str) -> str:
    """Return a user id as events hold it.

    Raises:
        Refusal: 404, it stands for nobody.
    """
    known, _ = clean_user_id(user_id)
    if known is None:
        raise not_found("user")
    return known
