"""Deciding on a revocation that stands: let a held one go or drop it, take one back, deliver one anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st
from pydantic import ValidationError

from dashboard import dialog, sign_in
from dashboard.dialog import Dialog, Settlement
from dashboard.errors import ConsoleError
from dashboard.revoke_dialog import ends_html
from dashboard.safe import html_text
from schemas.api import MAX_REASON, RevocationDetail, RevokeSubject
from schemas.revocation import RevocationView, State

SHORTEST_REASON = 3

OPEN_TO: dict[State, tuple[Settlement, ...]] = {
    "requested": ("release",),
    "held": ("approve", "drop"),
    "sent": ("release",),
    "delivered": ("retry", "release"),
    "confirmed": ("release",),
    "failed": ("retry", "release"),
}
"""What a person may decide, by the state that the revocation is in; a state that is absent asks for nothing."""


@dataclass(frozen=True, slots=True)
class _Words:
    button: str
    icon: str
    means: str
    confirm: str


_WORDS: dict[Settlement, _Words] = {
    "approve": _Words(
        "Approve…",
        ":material/check_circle:",
        "The held revocation goes out, and is proven when the app shows it.",
        "Let it go",
    ),
    "drop": _Words("Drop…", ":material/cancel:", "Nothing is sent, and rules do not ask for this again.", "Drop it"),
    "release": _Words("Release…", ":material/undo:", "The app is told that it may be used again.", "Release it"),
    "retry": _Words("Deliver again…", ":material/replay:", "The app is told once more to end the session.", "Send it"),
}


def settle_buttons(revocation: RevocationView, place: str = "") -> None:
    """Show what may be decided on a revocation; nothing where nothing may.

    Args:
        revocation: as it was last read.
        place: tells its buttons from those of others on the page.
    """
    choices = OPEN_TO.get(revocation.state, ())
    if not choices:
        return
    may = sign_in.person().may("analyst")
    with st.container(horizontal=True, gap="xsmall", width="content", key=f"settle{place}"):
        for choice in choices:
            asked = Dialog(
                choice,
                revocation.app,
                revocation.session_id,
                revocation.user_id,
                revocation.alert_id,
                revocation_id=revocation.revocation_id,
                network=revocation.subject if revocation.scope == "network" else None,
                scope=revocation.scope,
            )
            st.button(
                _WORDS[choice].button,
                key=f"act_{choice}{place}",
                icon=_WORDS[choice].icon,
                type="secondary" if choice == "approve" else "tertiary",
                disabled=not may,
                on_click=dialog.ask,
                args=(asked,),
            )


@st.dialog("Decide on a revocation", icon=":material/gavel:", on_dismiss=dialog.close)
def settle_dialog(asked: Dialog, choice: Settlement, done: Callable[[RevocationDetail], None]) -> None:
    """Ask why, and decide.

    Args:
        asked: about which revocation.
        choice: what is decided.
        done: called after the commit, before the page runs again.
    """
    words = _WORDS[choice]
    st.html(f'{_about(asked, choice)}<div class="sw-sub">{words.means}</div>')
    with st.form("settle_form", border=False):
        why = st.text_area("Reason, kept in the audit log", max_chars=MAX_REASON, key=f"settle_{choice}", height=84)
        with st.container(horizontal=True, horizontal_alignment="right"):
            confirm = st.form_submit_button(words.confirm, type="primary", icon=words.icon, key="settle_confirm")
            cancel = st.form_submit_button("Cancel", key="settle_cancel")
    if cancel:
        dialog.close()
        st.rerun()
    if confirm:
        _decide(asked, choice, (why or "").strip(), done)


def _about(asked: Dialog, choice: Settlement) -> str:
    """Return whom it is about; of what goes out, which sessions would end now."""
    subject = {"session": asked.session_id, "network": asked.network}.get(asked.scope, asked.user_id)
    if choice == "approve" and asked.scope != "login" and subject:
        try:
            wanted = RevokeSubject(app=asked.app, scope=asked.scope, subject=subject)
            return ends_html(sign_in.api().preview(wanted))
        except (ConsoleError, ValidationError):
            # Whom it is about is known; that the API is silent, the answer to the decision will say.
            pass
    named = asked.network or asked.user_id
    whose = f"{html_text(named)} on " if named else ""
    return f'<div class="sw-title" style="margin-top:0">{whose}<b>{html_text(asked.app)}</b></div>'


def _decide(asked: Dialog, choice: Settlement, reason: str, done: Callable[[RevocationDetail], None]) -> None:
    if len(reason) < SHORTEST_REASON:
        st.html('<div class="sw-band" role="alert">A reason is needed, for whoever reads the audit log.</div>')
        return
    try:
        revocation = sign_in.api().settle(str(asked.revocation_id), choice, reason)
    except ConsoleError as refused:
        st.html(f'<div class="sw-band" role="alert">Not decided: {html_text(refused)}</div>')
        return
    done(revocation)
    dialog.close()
    st.rerun()
