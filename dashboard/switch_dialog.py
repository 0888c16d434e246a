"""The kill switch: what stops, and what does not, before anybody confirms."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import dialog, live, sign_in
from dashboard.dialog import Dialog, Switch
from dashboard.errors import ConsoleError
from dashboard.safe import html_text
from dashboard.settle import SHORTEST_REASON
from schemas.api import MAX_REASON, SystemView

_TITLES: dict[Switch, str] = {"pause": "Nothing will happen by itself", "resume": "Rules will act again"}
_CONFIRMS: dict[Switch, str] = {"pause": "Pause the response", "resume": "Resume"}
_ICONS: dict[Switch, str] = {"pause": ":material/pause_circle:", "resume": ":material/play_circle:"}


def switch_button(view: SystemView | None) -> None:
    """Show the one button that the switch's state asks for.

    Args:
        view: how the pipeline is; None = not known, and the way to stop must never be missing then.
    """
    me = sign_in.person()
    may = me.may("analyst") and me.me.apps is None
    verb: Switch = "resume" if view is not None and view.paused is not None else "pause"
    st.button(
        "Resume…" if verb == "resume" else "Pause…",
        key=f"act_{verb}",
        icon=_ICONS[verb],
        type="primary" if verb == "resume" else "secondary",
        disabled=not may,
        help=None if may else "It needs the role analyst, for all apps.",
        on_click=dialog.ask,
        args=(Dialog(verb),),
    )


@st.dialog("Kill switch", icon=":material/emergency_home:", on_dismiss=dialog.close)
def switch_dialog(verb: Switch, done: Callable[[], None]) -> None:
    """Ask why, and throw the switch.

    Args:
        verb: which way.
        done: called after the commit, before the page runs again.
    """
    st.html(f'<div class="sw-title" style="margin-top:0">{_TITLES[verb]}</div>{_reach(verb, live.look().view)}')
    with st.form("switch_form", border=False):
        why = st.text_area("Reason, kept in the audit log", max_chars=MAX_REASON, key=f"switch_{verb}", height=84)
        with st.container(horizontal=True, horizontal_alignment="right"):
            confirm = st.form_submit_button(_CONFIRMS[verb], type="primary", icon=_ICONS[verb], key="switch_confirm")
            cancel = st.form_submit_button("Cancel", key="switch_cancel")
    if cancel:
        dialog.close()
        st.rerun()
    if confirm:
        _throw(verb, (why or "").strip(), done)


def _throw(verb: Switch, reason: str, done: Callable[[], None]) -> None:
    if len(reason) < SHORTEST_REASON:
        st.html('<div class="sw-band" role="alert">A reason is needed: the next shift will ask.</div>')
        return
    try:
        sign_in.api().switch(verb, reason)
    except ConsoleError as refused:
        st.html(f'<div class="sw-band" role="alert">Nothing changed: {html_text(refused)}</div>')
        return
    live.ask_again()
    done()
    dialog.close()
    st.rerun()


def _reach(verb: Switch, view: SystemView | None) -> str:
    held = view.revocations.held if view is not None else None
    if verb == "resume":
        stays = f"{held:,} held ones stay" if held else "What was held meanwhile stays"
        return (
            '<div class="sw-sub">From the next alert on, policy and guard decide again, in every app. '
            f"{stays} with people: nothing of it goes out by itself.</div>"
        )
    pending = sum(lane.pending for lane in view.outbox or ()) if view is not None else 0
    on_the_way = f" {pending:,} messages that are on their way still leave." if pending else ""
    apps = f"all {len(view.apps)} apps" if view is not None and len(view.apps) > 1 else "every app"
    return (
        f'<div class="sw-sub">In {apps} no session is ended, no login locked and no user asked by a rule or a '
        f"user's verdict, also after a restart. Alerts and messages to people go on; what would be ended waits here. "
        f"People can still end sessions by hand.{on_the_way}</div>"
    )
