"""Revocations: the list, one of them whole, and what a manual one would do."""

from __future__ import annotations

from typing import Literal

from response.manual import UNDER_WAY
from schemas.api import RevocationDetail, RevocationPage, RevokePreview, RevokeSubject
from schemas.instant import DAY
from schemas.revocation import LIVE_STATES, Revocation, RevocationView, State
from sessionwatch.api.answers.rows import act, delivery_row
from sessionwatch.api.answers.sessions import session_rows
from sessionwatch.api.answers.span import LATEST_US, session_span
from sessionwatch.api.asker import Asker
from sessionwatch.api.cursor import from_cursor, to_cursor
from sessionwatch.api.problem import not_found
from store.revocation_search import RevocationFilter
from store.session_facts import SessionSummary

Would = Literal["send", "suppress", "hold", "nothing"]

SHOWN_SESSIONS = 50
_MOST_COUNTED = 10_000
_LOOKED_BACK_US = 30 * DAY

AS_READ: dict[State, str] = {
    "requested": "not sent",
    "suppressed": "not sent: dry run",
    "held": "not sent: held for a person",
    "sent": "sent",
    "delivered": "delivered, not proven",
    "confirmed": "confirmed",
    "failed": "failed",
    "released": "released",
}
"""How people read a state (DESIGN: absence of use proves nothing)."""


def revocation_page(asker: Asker, wanted: RevocationFilter, cursor: str | None, limit: int) -> RevocationPage:
    """Return a page of revocations, the last decided first.

    Args:
        asker: who asks; `wanted.apps` is already what they may see.
        wanted: which.
        cursor: where the page before ended.
        limit: most rows.

    Raises:
        Refusal: the cursor is none of this list.
    """
    rows = asker.reader.revocation_page(wanted, after=from_cursor(cursor, tuple[int, str]), limit=limit + 1)
    shown = rows[:limit]
    following = to_cursor((shown[-1][1], shown[-1][0].revocation_id)) if len(rows) > limit else None
    return RevocationPage(items=[RevocationView.of(one) for one, _ in shown], next=following)


def visible_revocation(asker: Asker, revocation_id: str) -> Revocation:
    """Return a revocation.

    Raises:
        Refusal: 404, there is none that this asker may see.
    """
    revocation = asker.reader.revocation(revocation_id)
    if revocation is None or not asker.sees(revocation.app):
        raise not_found("revocation")
    return revocation


def revocation_detail(asker: Asker, revocation_id: str) -> RevocationDetail:
    """Return a revocation whole, with its messages and what was done to it.

    Raises:
        Refusal: 404, there is none that this asker may see.
    """
    revocation = visible_revocation(asker, revocation_id)
    return RevocationDetail(
        **RevocationView.of(revocation).model_dump(),
        proven=AS_READ[revocation.state],
        deliveries=[delivery_row(message) for message in asker.reader.messages_of(revocation_id)],
        history=[act(line) for line in asker.reader.acts([revocation_id])],
    )


def preview(asker: Asker, wanted: RevokeSubject) -> RevokePreview:
    """Return what a manual revocation would do, for the confirmation that names it.

    Raises:
        Refusal: 404, there is no such session, or the app may not be seen.
    """
    would, why = _would(asker, wanted)
    sessions = _to_be_ended(asker, wanted)
    return RevokePreview(
        app=wanted.app,
        scope=wanted.scope,
        subject=wanted.subject,
        user_id=user_of(asker, wanted),
        would=would,
        why=why,
        count=len(sessions),
        sessions=session_rows(asker, sessions[:SHOWN_SESSIONS]),
        targets=targets_of(asker, wanted.app),
    )


def user_of(asker: Asker, wanted: RevokeSubject) -> str | None:
    """Return whose sessions would end, where that is known.

    Raises:
        Refusal: 404, there is no such session, or the app may not be seen.
    """
    if not asker.sees(wanted.app):
        raise not_found(wanted.scope)
    if wanted.scope in ("user", "login"):
        return wanted.subject
    if wanted.scope == "network":
        return None
    return session_span(asker, wanted.app, wanted.subject).user_id


def targets_of(asker: Asker, app: str) -> list[str]:
    """Return the names of an app's targets."""
    return [target.name for target in asker.installation.settings.response.targets if target.app == app]


def _would(asker: Asker, wanted: RevokeSubject) -> tuple[Would, str]:
    of_subject = RevocationFilter(apps=[wanted.app], subject=wanted.subject, scope=wanted.scope)
    rows = asker.reader.revocation_page(of_subject, limit=1)
    newest = rows[0][0] if rows else None
    if newest is not None and newest.state in UNDER_WAY:
        return "nothing", f"it is already being taken away ({AS_READ[newest.state]})"
    response = asker.installation.settings.response
    if response.dry_run:
        return "suppress", "dry run: it would be shown and never sent"
    if wanted.scope in ("user", "login") and wanted.subject in response.privileged_users:
        return "hold", "a privileged user: it would wait for a second person"
    if not targets_of(asker, wanted.app):
        return "hold", f"no target for app {wanted.app} is configured: it would wait for a person"
    if newest is not None and newest.state in LIVE_STATES:
        return "send", f"it was sent before ({AS_READ[newest.state]}) and would be sent once more"
    return "send", "it would be sent to the app at once"


def _to_be_ended(asker: Asker, wanted: RevokeSubject) -> list[SessionSummary]:
    """Return the live sessions that would end; a session asked for by name counts whether it is live or not."""
    if wanted.scope == "login":
        return []
    by_session = wanted.scope == "session"
    since_us = asker.now_us() - _LOOKED_BACK_US
    if by_session:
        since_us = session_span(asker, wanted.app, wanted.subject).first_us
    return asker.reader.session_summaries(
        since_us=since_us,
        until_us=LATEST_US,
        now_us=asker.now_us(),
        idle_us=asker.installation.idle_us,
        apps=[wanted.app],
        session_id=wanted.subject if by_session else None,
        user_id=wanted.subject if wanted.scope == "user" else None,
        network=wanted.subject if wanted.scope == "network" else None,
        live=None if by_session else True,
        limit=_MOST_COUNTED,
    )
