"""Session: what happened inside it, and is it over?"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from dashboard import dialog, links, live, proof, sign_in
from dashboard.dialog import Dialog
from dashboard.errors import ApiRefusedError, ApiSilentError, ConsoleError, ForbiddenError, SignedOutError, UnknownError
from dashboard.event_panel import event_panel, look_at, story
from dashboard.instants import at, clock, length, to_the_millisecond, zone_name
from dashboard.palette import colour, glyph
from dashboard.picture import PICK, described, picture
from dashboard.revoke_dialog import revoke_dialog
from dashboard.safe import html_text, visible
from dashboard.session_search import session_search
from dashboard.settle import settle_buttons, settle_dialog
from schemas.api import EventPage, EventRow, RevocationDetail, SessionDetail, SessionPicture
from schemas.revocation import State

EVENTS_PAGE = 200
LIVE_REFRESH_S = 10.0
"""How often a session that is still used is looked at again; one whose revocation is under way: every beat."""

NO_ID = 422
"""What the API answers to a text that cannot be the id of a session."""

REVOKED: dict[State, str] = {
    "confirmed": "⊘ Revoked, proven",
    "delivered": "⊘ Revoked, not proven",
    "failed": "⊘ Revocation failed",
    "held": "Revocation held",
    "suppressed": "Dry run: not revoked",
    "released": "Released",
}
"""How a session stands whose newest revocation is in that state; the others are on their way."""


@dataclass(slots=True)
class Shown:
    """One session as it was read.

    Attributes:
        cursors: of the pages before the one that is shown; the first is None.
    """

    app: str
    session_id: str
    detail: SessionDetail
    picture: SessionPicture
    page: EventPage
    cursors: list[str | None] = field(default_factory=lambda: [None])
    newest: SessionDetail | None = None
    read_at: float = 0.0
    picked: dict[str, EventRow] = field(default_factory=dict)

    @property
    def current(self) -> SessionDetail:
        """The newest facts; picture and table stand still until they are asked for."""
        return self.newest or self.detail


def show() -> None:
    """Show the page."""
    app, session_id = st.query_params.get("app", ""), st.query_params.get("id", "")
    if not app or not session_id:
        session_search()
        return
    shown = _read(app, session_id)
    if shown is None:
        return
    _head(shown)
    _timeline(shown)
    _events(shown)
    dialog.place(_show)


def _show(opened: Dialog) -> None:
    if opened.kind == "revoke":
        revoke_dialog(opened, _revoked)
    elif opened.kind in ("approve", "drop", "release", "retry"):
        settle_dialog(opened, opened.kind, _revoked)


def _read(app: str, session_id: str) -> Shown | None:
    # Always there: what follows keeps its place, and by its place Streamlit knows a fragment whose button was pressed.
    waiting = st.empty()
    shown: Shown | None = st.session_state.get("shown_session")
    if shown is not None and (shown.app, shown.session_id) == (app, session_id):
        return shown
    waiting.skeleton(height=560)
    api = sign_in.api()
    try:
        detail = api.session(app, session_id)
        shown = Shown(
            app, session_id, detail, api.picture(app, session_id), api.events(app, session_id, limit=EVENTS_PAGE)
        )
    except SignedOutError as reason:
        sign_in.ended(reason)
    except ConsoleError as reason:
        waiting.empty()
        _absent(app, session_id, reason)
        return None
    waiting.empty()
    assert shown is not None
    shown.read_at = time.monotonic()
    st.session_state["shown_session"] = shown
    return shown


def _absent(app: str, session_id: str, reason: ConsoleError) -> None:
    st.html('<h1 class="sw-page">Session</h1>')
    st.code(visible(session_id), language=None, width="content")
    if isinstance(reason, UnknownError) or (isinstance(reason, ApiRefusedError) and reason.status == NO_ID):
        said = (
            f"No events of this session are kept for the app <b>{html_text(app)}</b>. It may be older than the "
            "retention, of an app that your token may not see, or the link was cut."
        )
        st.html(f'<div class="sw-band"><span>{said}</span></div>')
        session_search(titled=False)
    elif isinstance(reason, ForbiddenError):
        st.html(f'<div class="sw-band"><span>Your token may not see this: {html_text(reason)}</span></div>')
    elif isinstance(reason, ApiSilentError):
        st.html(
            '<div class="sw-band"><span>Not read yet: the API is silent. '
            "The page comes by itself as soon as it answers.</span></div>"
        )
        _try_again()
    else:
        st.html(f'<div class="sw-band"><span>Not read: {html_text(reason)}</span></div>')


@st.fragment(run_every=live.REFRESH_S)
def _try_again() -> None:
    if live.look().silent_since is None:
        st.rerun()


def _head(shown: Shown) -> None:
    @st.fragment(run_every=live.REFRESH_S)
    def head() -> None:
        _refresh(shown)
        session = shown.current
        with st.container(gap="small"):
            _title(shown, session)
            st.html(_facts(shown, session))
            newest = proof.newest(session.revocations)
            if newest is not None:
                with st.container(border=True, horizontal=True, vertical_alignment="center"):
                    st.html(proof.proof_html(newest), width="stretch")
                    settle_buttons(newest)
            fresh = session.events - shown.detail.events
            if fresh > 0:
                st.button(
                    f"{fresh:,} newer events — show",
                    key="show_newer",
                    type="tertiary",
                    icon=":material/refresh:",
                    on_click=_forget,
                )
        if dialog.due():
            st.rerun()

    head()


def _refresh(shown: Shown) -> None:
    """Look at the session again while something of it may still change."""
    session = shown.current
    pause = live.REFRESH_S * 0.9 if proof.waits(session.revocations) else LIVE_REFRESH_S
    now = time.monotonic()
    if now - shown.read_at < pause:
        return
    shown.read_at = now
    try:
        shown.newest = sign_in.api().session(shown.app, shown.session_id)
    except SignedOutError as reason:
        sign_in.ended(reason)
    except ConsoleError:
        # The band above says so; what was read stays.
        return


def _title(shown: Shown, session: SessionDetail) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html('<h1 class="sw-page">Session</h1>', width="content")
        with st.container(key="session_id", width="content"):
            st.code(shown.session_id, language=None, width="content")
        st.html(f'<span class="sw-tag">{_standing(session)}</span>', width="content")
        st.space("stretch")
        alert = st.query_params.get("alert")
        st.page_link(
            links.ALERTS, label="Back to alerts", icon=":material/arrow_back:", query_params=links.alert_address(alert)
        )
        asked = Dialog("revoke", shown.app, shown.session_id, session.user_id, alert)
        st.button(
            "Revoke…",
            key="act_revoke",
            icon=":material/block:",
            type="primary",
            on_click=dialog.ask,
            args=(asked,),
            disabled=not sign_in.person().may("analyst"),
            shortcut=None if dialog.opened() else "X",
        )


def _standing(session: SessionDetail) -> str:
    newest = proof.newest(session.revocations)
    if newest is not None:
        return REVOKED.get(newest.state, "⊘ Being revoked")
    if session.ended is not None:
        return f"■ Ended {clock(session.ended)} · {html_text(session.end_reason or '')}"
    if session.live:
        return f'<span style="color:{colour("accent")}">●</span> Live'
    return "Idle"


def _facts(shown: Shown, session: SessionDetail) -> str:
    lanes = shown.picture.lanes
    new_networks = len({lane.network for lane in lanes if not lane.known})
    if not any(lane.known for lane in lanes):
        new = "no history of this user"
    else:
        new = f"{new_networks} new for this user" if new_networks else "all seen before"
    limit = session.policy.absolute_timeout_s
    policy = f"policy allows {length(limit)}" if limit is not None else "no limit declared"
    worst = f"{glyph(session.severity)} {session.severity.capitalize()}" if session.severity else "None"
    started = session.created or session.first
    return (
        '<div style="display:flex;gap:.5rem 2.2rem;flex-wrap:wrap;padding:.1rem 0 .2rem">'
        + "".join(
            (
                _fact("User", html_text(session.user_id or "not known"), html_text(session.app)),
                _fact("Started" if session.created else "First seen", at(started), zone_name(started)),
                _fact("Lived", length(session.lived_s), policy),
                _fact("Events", f"{session.events:,}", f"{session.requests:,} uses · {session.refused:,} failed"),
                _fact("Networks", f"{len(session.networks)}", new),
                _fact("Devices", f"{len(session.devices)}", _device_line(session)),
                _fact("Risk", worst, f"worst of {len(session.alerts)} alert{'' if len(session.alerts) == 1 else 's'}"),
            )
        )
        + "</div>"
    )


def _device_line(session: SessionDetail) -> str:
    names = [
        " on ".join(part for part in (one.agent_family, one.agent_os) if part) or "unknown" for one in session.devices
    ]
    return html_text(", ".join(names), 44)


def _fact(name: str, value: str, more: str) -> str:
    return (
        f'<div><div class="sw-sub" style="font-size:.8rem">{name}</div><div class="sw-strong sw-num">{value}</div>'
        f'<div class="sw-sub sw-num" style="font-size:.8rem">{more}</div></div>'
    )


def _timeline(shown: Shown) -> None:
    @st.fragment
    def timeline() -> None:
        looked_at = st.query_params.get("event")
        left, right = st.columns([72, 28], gap="medium")
        with left:
            st.html(_legend(shown.picture))
            st.altair_chart(
                picture(shown.picture, looked_at),
                key="timeline",
                on_select=_picked,
                selection_mode=[PICK],
                width="stretch",
                theme=None,
                alt=described(shown.picture),
            )
        with right, st.container(border=True, key="panel", gap="small"):
            event = _event(shown, looked_at) if looked_at else None
            if event is not None:
                before, after = _neighbours(shown.picture, event.event_id)
                event_panel(event, before=before, after=after)
            elif looked_at:
                st.html('<div class="sw-sub">This event is not in the picture.</div>')
                st.button("Close", key="event_close", type="tertiary", on_click=look_at, args=(None,))
            else:
                story(shown.current, shown.picture)

    timeline()


def _legend(shown: SessionPicture) -> str:
    marks = (
        f'<span><span style="color:{colour("accent")}">▲</span> create</span>'
        f'<span><span style="color:{colour("info")}">❘</span> validate</span>'
        f'<span><span style="color:{colour("high")}">✕</span> fail</span><span>■ destroy</span>'
        "<span>⊘ revocation</span>"
    )
    zone = zone_name(shown.since, shown.until)
    bins = f" Validates are gathered by {length(shown.bin_s)}." if shown.bin_s else ""
    dropped = f" {shown.dropped:,} events of the sparsest lanes are left out." if shown.dropped else ""
    return (
        f'<div class="sw-sub sw-small sw-spread">'
        f"<span>Drag the strip below to zoom, click a mark for details. {zone}.{bins}{dropped}</span>"
        f'<span style="display:flex;gap:1rem">{marks}</span></div>'
    )


def _picked() -> None:
    picked = st.session_state.timeline.selection.get(PICK)
    if picked:
        look_at(picked[0]["id"])


def _neighbours(shown: SessionPicture, event_id: str) -> tuple[str | None, str | None]:
    ids = [mark.event_id for mark in sorted(shown.marks, key=lambda mark: mark.time)]
    if event_id not in ids:
        return None, None
    here = ids.index(event_id)
    return (ids[here - 1] if here else None), (ids[here + 1] if here + 1 < len(ids) else None)


def _event(shown: Shown, event_id: str) -> EventRow | None:
    known = shown.picked | {event.event_id: event for event in shown.page.items}
    if event_id in known:
        return known[event_id]
    when = next((mark.time for mark in shown.picture.marks if mark.event_id == event_id), None)
    if when is None:
        return None
    try:
        found = sign_in.api().events(
            shown.app, shown.session_id, limit=50, since=when, until=when + timedelta(milliseconds=1)
        )
    except ConsoleError:
        return None
    shown.picked.update({event.event_id: event for event in found.items})
    return shown.picked.get(event_id)


def _events(shown: Shown) -> None:
    @st.fragment
    def events() -> None:
        with st.container(gap="small"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.html('<h2 class="sw-title">Events</h2>', width="content")
                first = (len(shown.cursors) - 1) * EVENTS_PAGE + 1
                st.html(
                    f'<span class="sw-sub sw-small sw-num">{first:,} to {first + len(shown.page.items) - 1:,} of '
                    f"{shown.detail.events:,}, oldest first</span>",
                    width="content",
                )
                st.space("stretch")
                if len(shown.cursors) > 1:
                    st.button(
                        "Earlier",
                        key="events_earlier",
                        icon=":material/chevron_left:",
                        on_click=_turn,
                        args=(shown, -1),
                    )
                if shown.page.next is not None:
                    st.button(
                        "Later", key="events_later", icon=":material/chevron_right:", on_click=_turn, args=(shown, 1)
                    )
            st.dataframe(
                _table(shown.page),
                hide_index=True,
                height=min(420, 38 + 35 * max(1, len(shown.page.items))),
                alt="Events of this session, oldest first",
            )

    events()


def _turn(shown: Shown, step: int) -> None:
    cursors = [*shown.cursors, shown.page.next] if step > 0 else shown.cursors[:-1]
    try:
        page = sign_in.api().events(shown.app, shown.session_id, limit=EVENTS_PAGE, cursor=cursors[-1])
    except ConsoleError:
        return
    shown.page, shown.cursors = page, cursors


def _table(page: EventPage) -> pd.DataFrame:
    times = [event.event_time for event in page.items]
    return pd.DataFrame(
        [
            {
                f"Time ({zone_name(*times)})": to_the_millisecond(event.event_time),
                "Event": event.type,
                "Reason": visible(event.reason or ""),
                "Network": visible(
                    " ".join(
                        str(part)
                        for part in (f"AS{event.asn}" if event.asn is not None else None, event.network or event.ip)
                        if part
                    )
                ),
                "Place": visible(", ".join(part for part in (event.city, event.country) if part)),
                "Device": visible(" on ".join(part for part in (event.agent_family, event.agent_os) if part)),
                "User agent": visible(event.user_agent or ""),
                "Uses": event.count,
                "Flags": visible(", ".join([*event.input_flags, *(["late"] if event.late else [])])),
            }
            for event in page.items
        ]
    )


def _forget() -> None:
    st.session_state.pop("shown_session", None)


def _revoked(_revocation: RevocationDetail) -> None:
    shown: Shown | None = st.session_state.get("shown_session")
    if shown is not None:
        shown.read_at = float("-inf")
        _forget()
