"""Alerts: which is next, and is it real?"""

from __future__ import annotations

import streamlit as st

from dashboard import address, dialog, links, live, sign_in
from dashboard.alert_panel import alert_panel, ask_to_revoke
from dashboard.alert_queue import alert_queue, queue_row
from dashboard.client import AlertFilter
from dashboard.dialog import Dialog
from dashboard.instants import age, clock, zone_name
from dashboard.note_dialog import note_dialog
from dashboard.palette import GLYPHS, MARKDOWN_COLOURS, glyph
from dashboard.revoke_dialog import revoke_dialog
from dashboard.safe import html_text
from dashboard.settle import settle_dialog
from dashboard.triage import MOST_LISTED, Triage, triage, undo_line
from schemas.alert import Severity
from schemas.api import MAX_QUERY, RevocationDetail

VIEWS = {"open": ("new", "acknowledged"), "mine": ("new", "acknowledged"), "closed": ("resolved", "withdrawn")}
"""The statuses that each view asks for; "mine" only what one has taken oneself."""
DEFAULT_VIEW = "open"


def show() -> None:
    """Show the page."""
    work = triage()
    work.ask(_filters())
    _follow_address(work)
    if "queue" not in st.session_state:
        # The list is made anew in the browser, and knows no selection.
        work.move_to(work.selected)
    _board()
    dialog.place(_show)


def _show(opened: Dialog) -> None:
    if opened.kind == "revoke":
        revoke_dialog(opened, _revoked)
    elif opened.kind == "note":
        note_dialog(opened)
    elif opened.kind in ("approve", "drop", "release", "retry"):
        settle_dialog(opened, opened.kind, _settled)


def _filters() -> AlertFilter:
    view_named, severities_named = address.named("view", VIEWS), address.named("severity", list(Severity))
    if view_named is not None:
        st.session_state["view"] = view_named[0] if view_named else DEFAULT_VIEW
    if severities_named is not None:
        st.session_state["severity"] = severities_named
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters"):
        st.html('<h1 class="sw-page">Alerts</h1>', width="content")
        st.space("stretch")
        view = st.segmented_control(
            "View", list(VIEWS), key="view", required=True, label_visibility="collapsed", format_func=str.capitalize
        )
        severities = st.pills(
            "Severity",
            [one.value for one in GLYPHS],
            selection_mode="multi",
            key="severity",
            label_visibility="collapsed",
            format_func=_severity_label,
        )
        text = st.text_input(
            "Search",
            key="q",
            bind="query-params",
            max_chars=MAX_QUERY,
            type="search",
            width=230,
            placeholder="user, session, network, rule…",
            label_visibility="collapsed",
        )
    address.write("view", [view] if view and view != DEFAULT_VIEW else [])
    address.write("severity", list(severities or ()))
    return AlertFilter(
        statuses=VIEWS[view or DEFAULT_VIEW],
        severities=tuple(Severity(one) for one in severities or ()),
        owner=sign_in.person().me.name if view == "mine" else None,
        text=(text or "").strip(),
    )


def _severity_label(value: str) -> str:
    severity = Severity(value)
    return f":{MARKDOWN_COLOURS[severity]}[{GLYPHS[severity]}] {value.capitalize()}"


def _follow_address(work: Triage) -> None:
    """Select what the address names when somebody else changed it: a link, or the browser's Back."""
    named = st.query_params.get("alert")
    if named and named != work.address:
        work.address = named
        if named != work.selected:
            work.move_to(named)


@st.fragment(run_every=live.REFRESH_S)
def _board() -> None:
    work = triage()
    work.refresh()
    if work.selected is None and work.queue.order:
        work.move_to(work.queue.order[0])
    left, right = st.columns([55, 45], gap="medium")
    with left:
        _facts(work)
        _list(work)
    with right:
        _panel(work)
    if work.selected and work.selected != st.query_params.get("alert"):
        st.query_params["alert"] = work.address = work.selected
    if work.open_session is not None:
        alert, work.open_session = work.open_session, None
        assert alert.session_id is not None
        st.switch_page(links.SESSION, query_params=links.session_address(alert.app, alert.session_id, alert.alert_id))
    if dialog.due():
        st.rerun()


def _facts(work: Triage) -> None:
    facts = work.facts
    if facts is None:
        st.html('<div class="sw-facts">Not read yet</div>')
        return
    said = [
        f"<span><b>{facts.open:,}</b> open</span>",
        f"<span><b>{facts.unassigned:,}</b> unassigned</span>",
        f"<span>{glyph(Severity.CRITICAL)} <b>{facts.critical:,}</b> critical</span>",
    ]
    if facts.oldest is not None:
        said.append(f"<span>oldest open <b>{age(facts.oldest)}</b></span>")
    st.html(f'<div class="sw-facts">{"<span>·</span>".join(said)}</div>')


def _list(work: Triage) -> None:
    queue = work.queue
    count = f"{len(queue.order):,}{'+' if queue.more else ''} in this list, by severity, then newest"
    fresh = ""
    if queue.waiting:
        critical = sum(alert.severity is Severity.CRITICAL for alert in queue.waiting)
        fresh = f"{len(queue.waiting)} new{f' · {critical} critical' if critical else ''} — show"
    can_grow = queue.more and work.wanted < MOST_LISTED
    alert_queue(
        [queue_row(alert, gone=alert.alert_id in queue.gone) for alert in queue.shown()],
        selected=work.pushed,
        push=work.push,
        count=count,
        fresh=fresh,
        more="Show 100 more" if can_grow else "",
        empty=_nothing(work),
        on_select=_selected,
        on_act=_acted,
    )


def _nothing(work: Triage) -> str:
    asked = work.asked
    state = live.look()
    if work.says:
        return work.says
    if asked is not None and (asked.text or asked.severities):
        return "No alerts match these filters."
    if state.stale:
        end = state.view.newest_event if state.view else None
        return f"Can't tell: data ends {clock(end)} {zone_name(end)}." if end else "Can't tell: no data has been read."
    if asked is not None and asked.owner is not None:
        return "You have taken nothing that is open."
    if asked is not None and "resolved" in asked.statuses:
        return "Nothing has been closed yet."
    end = state.view.newest_event if state.view else None
    return (
        f"Nothing open. All quiet up to {clock(end)} {zone_name(end)}." if end else "Nothing open, and no events yet."
    )


def _panel(work: Triage) -> None:
    alert = work.look()
    if alert is not None:
        alert_panel(work, alert, outside=alert.alert_id not in work.queue.order)
        return
    with st.container(border=True, key="panel", gap="xsmall"):
        if work.selected is not None and work.missing:
            st.html(
                '<h2 class="sw-title">No such alert</h2><div>It may be older than what is kept, of an app '
                "that your token may not see, or the link was cut. Search for its user or session above.</div>"
            )
        elif work.selected is not None:
            st.html('<div class="sw-sub">Waiting for the API.</div>')
        else:
            st.html('<div class="sw-sub">Pick an alert with <kbd>J</kbd> <kbd>K</kbd> or a click.</div>')
        undo = work.can_undo()
        if undo is not None:
            st.html(f'<div class="sw-sub sw-small" role="status">{html_text(undo_line(undo))}</div>')
            st.button("Undo :gray[U]", key="act_undo", icon=":material/undo:", type="tertiary", on_click=work.take_back)


def _selected() -> None:
    chosen = st.session_state.queue.get("selected")
    work = triage()
    if chosen and chosen != work.selected:
        work.selected, work.says = chosen, ""


def _acted() -> None:
    work = triage()
    for asked in work.new_acts(st.session_state.queue.get("acts") or []):
        # What was pressed behind a dialog, and before it showed, was meant for it.
        if dialog.opened() is None:
            _do(work, asked["act"], asked["id"])


def _do(work: Triage, act: str, alert_id: str | None) -> None:
    if act == "show_new":
        work.show_new()
    elif act == "more":
        work.more()
    elif act == "undo":
        work.take_back()
    elif alert_id is not None:
        _act_on(work, act, alert_id)


def _act_on(work: Triage, act: str, alert_id: str) -> None:
    work.selected = alert_id
    if act == "open":
        row = work.queue.rows.get(alert_id)
        work.open_session = row if row is not None and row.session_id is not None else None
        work.says = "" if work.open_session else "This alert names no session."
        return
    if not sign_in.person().may("analyst"):
        return
    if act == "revoke":
        alert = work.look()
        if alert is not None and (alert.session_id or alert.user_id):
            ask_to_revoke(alert)
    elif act in ("take", "benign", "false_alarm"):
        work.act(act, alert_id)  # type: ignore[arg-type]  # narrowed by the line above


def _revoked(revocation: RevocationDetail) -> None:
    if revocation.alert_id is not None:
        triage().revoked(revocation.alert_id)


def _settled(_revocation: RevocationDetail) -> None:
    triage().look_again()
