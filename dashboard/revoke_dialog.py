"""Ending a session by hand: the dialog names what will be ended before anybody confirms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import streamlit as st

from dashboard import dialog, sign_in
from dashboard.dialog import Dialog
from dashboard.errors import ConsoleError
from dashboard.instants import age
from dashboard.safe import html_text
from schemas.api import MAX_REASON, RevocationDetail, RevokePreview, RevokeRequest, RevokeSubject, SessionRow
from schemas.revocation import Scope

ByHand = Literal["session", "user", "network"]
"""What a person ends here."""

LISTED = 6
"""Sessions that are named one by one; the rest is a number."""

SHORTEST_REASON = 3
WHAT_HAPPENS = {
    "send": "The app is told at once. It stays “not proven” until the session is seen to be refused or gone.",
    "suppress": "Dry run: the revocation is recorded and shown, and never sent.",
    "hold": "Nothing is sent yet: it will be held under Response.",
    "nothing": "It is being taken away already: nothing more would be sent.",
}


@st.dialog("End by hand", icon=":material/block:", width="medium", on_dismiss=dialog.close)
def revoke_dialog(asked: Dialog, done: Callable[[RevocationDetail], None]) -> None:
    """Ask for scope and reason, and revoke.

    Args:
        asked: whose session.
        done: called after the commit, before the page runs again.
    """
    subjects: dict[ByHand, str | None] = {
        "session": asked.session_id,
        "user": asked.user_id,
        "network": asked.network,
    }
    scopes: list[ByHand] = [scope for scope, subject in subjects.items() if subject]
    words = {
        "session": "This session",
        "user": "All sessions of this user in this app",
        # A label is Markdown, and an IPv6 network may read as an emoji in it.
        "network": "All sessions of this app from this network",
    }
    scope: ByHand = st.radio(
        "What to end",
        scopes,
        format_func=words.__getitem__,
        key="revoke_scope",
        label_visibility="collapsed",
        horizontal=True,
    )
    subject = RevokeSubject(app=asked.app, scope=scope, subject=str(subjects[scope]))
    try:
        preview = sign_in.api().preview(subject)
    except ConsoleError as reason:
        st.html(f'<div class="sw-band" role="alert">What it would end is not known: {html_text(reason)}</div>')
        return
    st.html(_what_ends(preview))
    with st.form("revoke_form", border=False):
        why = st.text_area(
            "Reason, kept in the audit log",
            max_chars=MAX_REASON,
            key="revoke_reason",
            height=84,
            placeholder="What makes this a takeover?",
        )
        with st.container(horizontal=True, horizontal_alignment="right"):
            # The first button is the one that Ctrl+Enter presses.
            label = "End the session" if preview.count == 1 else f"End {preview.count} sessions"
            confirm = st.form_submit_button(
                label,
                type="primary",
                icon=":material/block:",
                key="revoke_confirm",
                disabled=preview.would == "nothing",
            )
            cancel = st.form_submit_button("Cancel", key="revoke_cancel")
    if cancel:
        dialog.close()
        st.rerun()
    if confirm:
        # More than were shown are not ended.
        shown = preview.count if scope == "network" else None
        _confirm(subject, why or "", asked.alert_id, shown, done)


def _confirm(
    subject: RevokeSubject,
    why: str,
    alert_id: str | None,
    shown: int | None,
    done: Callable[[RevocationDetail], None],
) -> None:
    reason = why.strip()
    if len(reason) < SHORTEST_REASON:
        st.html('<div class="sw-band" role="alert">A reason is needed: what makes this a takeover?</div>')
        return
    try:
        wanted = RevokeRequest(**subject.model_dump(), reason=reason, alert_id=alert_id, sessions=shown)
        revocation = sign_in.api().revoke(wanted)
    except ConsoleError as refused:
        st.html(f'<div class="sw-band" role="alert">Not revoked: {html_text(refused)}</div>')
        return
    done(revocation)
    dialog.close()
    st.rerun()


def _what_ends(preview: RevokePreview) -> str:
    told = ", ".join(html_text(target) for target in preview.targets) or "nobody"
    why = f" {html_text(preview.why).capitalize()}." if preview.why and preview.would != "send" else ""
    return (
        f"{ends_html(preview)}"
        f'<div class="sw-sub sw-small" style="margin-top:.5rem">{WHAT_HAPPENS[preview.would]}{why} Told: {told}.</div>'
    )


def ends_html(preview: RevokePreview) -> str:
    """Return how many sessions would end, and the first of them, as HTML."""
    count = f"{preview.count} live session{'' if preview.count == 1 else 's'}"
    whose = f" of <b>{html_text(preview.user_id)}</b>" if preview.user_id else ""
    if preview.scope == "network":
        whose = f" from <b>{html_text(preview.subject)}</b>"
    rows = "".join(_row(session, preview.scope) for session in preview.sessions[:LISTED])
    rest = preview.count - min(LISTED, len(preview.sessions))
    more = f'<div class="sw-sub sw-small">and {rest} more</div>' if rest > 0 and rows else ""
    table = f'<table class="sw-table ruled">{rows}</table>' if rows else ""
    return (
        f'<div class="sw-title" style="margin-top:0">Ends {count}{whose} on <b>{html_text(preview.app)}</b></div>'
        f"{table}{more}"
    )


def _row(session: SessionRow, scope: Scope) -> str:
    # From a network anybody may have come.
    whose = session.user_id if scope == "network" else None
    known = (whose, session.agent, session.country)
    where = " · ".join(html_text(part) for part in known if part) or "agent not known"
    return (
        f'<tr><td><span class="sw-mono">{html_text(session.session_id[:18])}…</span></td><td>{where}</td>'
        f'<td class="sw-num sw-sub" style="text-align:right">used {age(session.last)} ago</td></tr>'
    )
