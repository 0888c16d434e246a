"""Response: does anything wait for a person, and what bounds what happens by itself?"""

from __future__ import annotations

import streamlit as st

from dashboard import dialog, links, live, sign_in
from dashboard.dialog import Dialog
from dashboard.held_list import HeldList, since
from dashboard.instants import age, clock, length, now, zone_name
from dashboard.lane_dialog import lane_dialog, may_move
from dashboard.palette import colour, glyph
from dashboard.response_room import Room, room
from dashboard.response_words import bound_html, bounds, ends_html, lane_words, waits
from dashboard.safe import html_text
from dashboard.settle import settle_buttons, settle_dialog
from dashboard.switch_dialog import switch_button, switch_dialog
from schemas.alert import Severity
from schemas.api import LaneFacts, OnCallAlert, OpenStepUp, RevocationDetail, SystemView
from schemas.revocation import RevocationView

MOST_LISTED = 8
"""Step-ups, and alerts that nobody answers; the rest is a number."""


def show() -> None:
    """Show the page."""
    _board()
    dialog.place(_show)


def _show(opened: Dialog) -> None:
    kind = opened.kind
    if kind in ("pause", "resume"):
        switch_dialog(kind, _changed)
    elif kind in ("messages_retry", "messages_drop"):
        lane_dialog(opened, kind, _changed)
    elif kind in ("approve", "drop", "release", "retry"):
        settle_dialog(opened, kind, _settled)


def _changed() -> None:
    room().look_again()


def _settled(_revocation: RevocationDetail) -> None:
    room().look_again()
    live.ask_again()


@st.fragment(run_every=live.REFRESH_S)
def _board() -> None:
    work, state = room(), live.look()
    work.refresh()
    _head(work, state)
    left, right = st.columns([58, 42], gap="medium")
    with left:
        _held(work)
        _step_ups(work)
    with right, st.container(border=True, key="panel", gap="xsmall"):
        _budgets(work)
        _outbox(state.view)
        _on_call(work)
    if dialog.due():
        st.rerun()


def _head(work: Room, state: live.Live) -> None:
    view = state.view
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html('<h1 class="sw-page">Response</h1>', width="content")
        st.html(f'<span class="sw-tag">{_standing(view)}</span>', width="content")
        st.space("stretch")
        switch_button(view)
    if not work.is_read:
        said = html_text(work.trouble) if work.trouble else "Not read yet"
        st.html(f'<div class="sw-answer">{said}</div>')
        return
    lanes = view.outbox if view is not None else None
    may = sign_in.person().may("analyst")
    st.html(f'<div class="sw-answer" role="status">{waits(work.held, lanes, may=may, stale=state.stale)}</div>')
    if view is not None and view.paused is not None:
        paused = view.paused
        st.html(
            f'<div class="sw-band"><span class="sw-glyph" aria-hidden="true">▲</span><span><b>Paused</b> by '
            f"{html_text(paused.by)} at {clock(paused.at)} {zone_name(paused.at)}, {age(paused.at)} ago: "
            f"{html_text(paused.reason, 500)}. Nothing ends by itself; what rules want waits below.</span></div>"
        )


def _standing(view: SystemView | None) -> str:
    if view is None:
        return "Not known"
    if view.paused is not None:
        return f'<span style="color:{colour("high")}" aria-hidden="true">▲</span> Paused'
    if view.dry_run:
        return "Dry run: shown, never sent"
    return f'<span style="color:{colour("accent")}" aria-hidden="true">●</span> Acts by itself'


def _held(work: Room) -> None:
    held = work.held
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(_title("Held for a person"), width="content")
        st.space("stretch")
        if held.fresh or held.gone:
            fresh = f"{held.fresh} new" if held.fresh else f"{len(held.gone)} decided"
            st.button(
                f"{fresh} — show", key="show_held", icon=":material/refresh:", type="tertiary", on_click=work.show_new
            )
    if not work.is_read:
        return
    if not held.order:
        st.html('<div class="sw-sub">No revocation is held.</div>')
        return
    for revocation in held.shown(work.wanted):
        _held_row(revocation, held)
    rest = len(held.order) - work.wanted
    if rest > 0:
        st.button(f"Show {min(rest, 20)} more", key="more_held", type="tertiary", on_click=work.more)


def _held_row(revocation: RevocationView, held: HeldList) -> None:
    gone = revocation.revocation_id in held.gone
    place = f"_{revocation.revocation_id}"
    with st.container(border=True, gap="xsmall", key=f"held{place}"):
        st.html(_held_html(revocation, gone=gone))
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            if not gone:
                settle_buttons(revocation, place)
            st.space("stretch")
            if revocation.alert_id is not None:
                st.page_link(
                    links.ALERTS,
                    label="Alert",
                    icon=":material/inbox:",
                    query_params=links.alert_address(revocation.alert_id),
                )
            if revocation.session_id is not None:
                st.page_link(
                    links.SESSION,
                    label="Session",
                    icon=":material/timeline:",
                    query_params=links.session_address(revocation.app, revocation.session_id, revocation.alert_id),
                )


_WHAT = {
    "session": "End one session",
    "user": "End all sessions",
    "network": "End what came from the network",
    "login": "Lock the login",
}


def _held_html(revocation: RevocationView, *, gone: bool) -> str:
    whom = revocation.subject if revocation.scope == "network" else revocation.user_id or revocation.subject
    mark = glyph(Severity(revocation.severity)) if revocation.severity else '<span class="sw-glyph">⊘</span>'
    worst = f"{html_text(revocation.severity).capitalize()} · " if revocation.severity else ""
    count = f"{revocation.sessions:,} session{'' if revocation.sessions == 1 else 's'}"
    rule = f" · {html_text(revocation.rule_id)}" if revocation.rule_id else ""
    decided = '<span class="sw-strong">Decided meanwhile</span> · ' if gone else ""
    return (
        f'<div class="sw-spread sw-small sw-sub sw-num"><span>{mark} {worst}{decided}{count}{rule}</span>'
        f"<span>waits {age(since(revocation))}, since {clock(since(revocation))} {zone_name(since(revocation))}</span>"
        f'</div><div class="sw-strong">{_WHAT[revocation.scope]} of {html_text(whom)} on {html_text(revocation.app)}'
        f'</div><div class="sw-small">Held because {html_text(revocation.note or "nobody has said why")}.</div>'
        f'<div class="sw-small sw-sub">Asked for by {html_text(revocation.requested_by)}: '
        f"{html_text(revocation.reason, 400)}</div>"
    )


def _step_ups(work: Room) -> None:
    st.html(_title("Users who are asked to prove who they are"))
    if work.step_ups is None:
        return
    asked = work.step_ups.items
    if not asked:
        st.html('<div class="sw-sub">Nobody is being asked.</div>')
        return
    rows = "".join(map(_step_up_row, asked[:MOST_LISTED]))
    st.html(
        '<table class="sw-table ruled"><thead><tr><th>User</th><th>Why</th><th>Asked</th><th>Without an answer</th>'
        f"</tr></thead><tbody>{rows}</tbody></table>{_rest(len(asked))}"
    )


def _step_up_row(step_up: OpenStepUp) -> str:
    took = "" if step_up.state == "delivered" else " · the app has not taken it yet"
    whom = step_up.user_id or step_up.session_id
    return (
        f"<tr><td>{html_text(whom, 60)} · {html_text(step_up.app)}</td><td>{html_text(step_up.title)}</td>"
        f'<td class="sw-num">{age(step_up.asked)} ago{took}</td>'
        f'<td class="sw-num">{ends_html(step_up, now())}</td></tr>'
    )


def _budgets(work: Room) -> None:
    st.html(_title("What rules may still end this hour"))
    if work.budgets is None:
        st.html('<div class="sw-sub">Not read yet</div>')
        return
    rows = "".join(map(bound_html, bounds(work.budgets.items)))
    people = [one for one in work.budgets.items if one.name in ("people", "user verdicts") and one.used]
    by_hand = "".join(
        f"<div>{'People' if one.name == 'people' else 'Users’ verdicts'} ended {one.used:,} of {one.limit:,.0f} "
        f"on {html_text(one.app)}</div>"
        for one in people
    )
    protected, privileged = work.budgets.protected_users, work.budgets.privileged_users
    st.html(
        f'<table class="sw-table dense meters">{rows}</table><div class="sw-sub sw-small sw-num">{by_hand}'
        "Sessions that ended in the last hour. Five critical ones an hour and app always pass a share. "
        f"Protected users, whom people alone end: {protected}. Privileged ones, who take two: {privileged}.</div>"
    )


def _outbox(view: SystemView | None) -> None:
    st.html(_title("What has not left"))
    if view is None or view.outbox is None:
        said = "Not read yet" if view is None else "Told to tokens of all apps alone."
        st.html(f'<div class="sw-sub">{said}</div>')
        return
    waiting = [lane for lane in view.outbox if lane.pending or lane.parked or lane.probe is not None]
    if not waiting:
        receivers = len(view.outbox)
        told = f"{receivers} receiver{'' if receivers == 1 else 's'} have" if receivers != 1 else "The receiver has"
        st.html(f'<div class="sw-sub">{told} taken everything.</div>' if receivers else _NOTHING_SENT)
        return
    for lane in sorted(waiting, key=lambda one: (-one.parked, one.probe is None, one.lane)):
        _lane(lane)
    if not may_move() and any(lane.parked or lane.probe for lane in waiting):
        st.html('<div class="sw-sub sw-small">To try anew or give up, ask for the role engineer, for all apps.</div>')


_NOTHING_SENT = '<div class="sw-sub">Nothing was to be sent yet.</div>'


def _lane(lane: LaneFacts) -> None:
    named = f'<span class="sw-strong">{html_text(lane.lane)}</span>'
    st.html(f'<div>{named} <span class="sw-sub">{lane_words(lane)}</span></div>')
    if not lane.parked and lane.probe is None:
        return
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Try again…",
            key=f"act_messages_retry_{lane.lane}",
            icon=":material/replay:",
            disabled=not may_move() or not lane.parked,
            on_click=dialog.ask,
            args=(Dialog("messages_retry", lane=lane.lane),),
        )
        st.button(
            "Give up…",
            key=f"act_messages_drop_{lane.lane}",
            icon=":material/cancel:",
            type="tertiary",
            disabled=not may_move(),
            on_click=dialog.ask,
            args=(Dialog("messages_drop", lane=lane.lane),),
        )


def _on_call(work: Room) -> None:
    st.html(_title("Who is told when nobody answers"))
    if work.on_call is None:
        st.html('<div class="sw-sub">Not read yet</div>')
        return
    if not work.on_call.steps:
        st.html('<div class="sw-sub">Nobody: the configuration has no [[on_call]].</div>')
        return
    steps = ", ".join(
        f"{html_text(' and '.join(step.chats))} after {length(step.after_s)}" for step in work.on_call.steps
    )
    waiting = work.on_call.items
    rows = "".join(map(_unanswered_row, waiting[:MOST_LISTED]))
    number = f"{len(waiting)} alert{'' if len(waiting) == 1 else 's'} nobody has answered"
    st.html(
        f'<div class="sw-sub sw-small">{number if waiting else "Every alert is answered"}. Told next: {steps}.</div>'
        f'<table class="sw-table dense">{rows}</table>{_rest(len(waiting))}'
    )


def _unanswered_row(waiting: OnCallAlert) -> str:
    alert = waiting.alert
    whom = alert.user_id or alert.key.value
    if waiting.next is None:
        then = "all were told"
    else:
        then = f"{html_text(' and '.join(waiting.chats))} in {length((waiting.next - now()).total_seconds())}"
    return (
        f'<tr><td class="sw-num">{glyph(alert.severity)} {age(alert.opened)}</td>'
        f"<td>{html_text(alert.title)} · {html_text(whom, 60)}</td>"
        f'<td style="white-space:nowrap">{then}</td></tr>'
    )


def _title(text: str) -> str:
    return f'<h2 class="sw-title">{text}</h2>'


def _rest(number: int) -> str:
    rest = number - MOST_LISTED
    return f'<div class="sw-sub sw-small">and {rest} more</div>' if rest > 0 else ""
