"""What has not left: try a lane's parked messages anew, or give up all that wait in it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import dialog, live, sign_in
from dashboard.dialog import Dialog, LaneAct
from dashboard.errors import ConsoleError
from dashboard.instants import age
from dashboard.safe import html_text
from dashboard.settle import SHORTEST_REASON
from schemas.api import MAX_REASON, OutboxRow

LISTED = 6
_MOST = 200
_VERBS: dict[LaneAct, str] = {"messages_retry": "retry", "messages_drop": "drop"}
_STATES: dict[LaneAct, tuple[str, ...]] = {"messages_retry": ("parked",), "messages_drop": ("parked", "pending")}
_MEANS: dict[LaneAct, str] = {
    "messages_retry": "They leave again under their own ids: a receiver that has one already ignores it.",
    "messages_drop": "They never leave. A revocation among them has failed: its session goes on.",
}


def may_move() -> bool:
    """Return whether this person may do anything to the outbox."""
    me = sign_in.person()
    return me.may("engineer") and me.me.apps is None


@st.dialog("Messages of a lane", icon=":material/outbox:", width="medium", on_dismiss=dialog.close)
def lane_dialog(asked: Dialog, act: LaneAct, done: Callable[[], None]) -> None:
    """Name the messages, ask why, and move them.

    Args:
        asked: about which lane.
        act: what is done to them.
        done: called after the commit, before the page runs again.
    """
    try:
        page = sign_in.api().outbox(asked.lane, _STATES[act], _MOST)
    except ConsoleError as reason:
        st.html(f'<div class="sw-band" role="alert">What it is about is not known: {html_text(reason)}</div>')
        return
    number = f"{len(page.items):,}{'+' if page.next else ''} message{'' if len(page.items) == 1 else 's'}"
    verb = "Tries" if act == "messages_retry" else "Gives up"
    anew = " anew" if act == "messages_retry" else ""
    st.html(
        f'<div class="sw-title" style="margin-top:0">{verb} {number} of <b>{html_text(asked.lane)}</b>{anew}</div>'
        f"{_table(page.items)}"
        f'<div class="sw-sub sw-small" style="margin-top:.5rem">{_MEANS[act]}</div>'
    )
    with st.form("lane_form", border=False):
        why = st.text_area("Reason, kept in the audit log", max_chars=MAX_REASON, key=f"lane_{act}", height=84)
        with st.container(horizontal=True, horizontal_alignment="right"):
            label = "Try again" if act == "messages_retry" else "Give them up"
            confirm = st.form_submit_button(label, type="primary", key="lane_confirm", disabled=not page.items)
            cancel = st.form_submit_button("Cancel", key="lane_cancel")
    if cancel:
        dialog.close()
        st.rerun()
    if confirm:
        _move(act, asked.lane, (why or "").strip(), done)


def _move(act: LaneAct, lane: str, reason: str, done: Callable[[], None]) -> None:
    if len(reason) < SHORTEST_REASON:
        st.html('<div class="sw-band" role="alert">A reason is needed, for whoever reads the audit log.</div>')
        return
    try:
        sign_in.api().move_messages(_VERBS[act], lane, reason)
    except ConsoleError as refused:
        st.html(f'<div class="sw-band" role="alert">Nothing changed: {html_text(refused)}</div>')
        return
    live.ask_again()
    done()
    dialog.close()
    st.rerun()


def _table(messages: list[OutboxRow]) -> str:
    rows = "".join(
        f'<tr><td>{html_text(one.kind)}</td><td class="sw-num">{one.state} · {one.attempts} '
        f"tr{'y' if one.attempts == 1 else 'ies'} · made {age(one.created)} ago</td>"
        f"<td>{html_text(one.last_error, 120)}</td></tr>"
        for one in messages[:LISTED]
    )
    rest = len(messages) - LISTED
    more = f'<div class="sw-sub sw-small">and {rest} more</div>' if rest > 0 else ""
    return f'<table class="sw-table ruled">{rows}</table>{more}' if rows else ""
