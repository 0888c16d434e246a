"""What stands beside the picture: the session's story, or one event of it."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from dashboard import dialog
from dashboard.instants import clock, length, to_the_millisecond, zone_name
from dashboard.palette import colour, glyph
from dashboard.picture import lane_name
from dashboard.proof import STANDING, took
from dashboard.safe import html_text, visible
from schemas.api import EventRow, SessionDetail, SessionPicture
from schemas.limits import MAX_TEXT

_Told = tuple[datetime, str, str, str]


def event_panel(event: EventRow, *, before: str | None, after: str | None) -> None:
    """Show one event.

    Args:
        event: whole.
        before, after: ids of its neighbours in the picture; None = it is the first or last.
    """
    kind = f"{event.type} — {event.reason}" if event.reason else event.type
    when = f"{to_the_millisecond(event.event_time)} {zone_name(event.event_time)}"
    st.html(f'<div class="sw-sub sw-small sw-num">{when}</div><h2 class="sw-title">{html_text(kind)}</h2>')
    rows = "".join(
        f"<tr><td>{name}</td><td>{html_text(value)}</td></tr>"
        for name, value in _details(event)
        if value not in (None, "")
    )
    st.html(f'<table class="sw-table ruled">{rows}</table>')
    behind = dialog.opened() is not None
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Previous",
            shortcut=None if behind else "K",
            key="event_before",
            on_click=look_at,
            args=(before,),
            disabled=before is None,
        )
        st.button(
            "Next",
            shortcut=None if behind else "J",
            key="event_after",
            on_click=look_at,
            args=(after,),
            disabled=after is None,
        )
        st.button(
            "Close",
            type="tertiary",
            shortcut=None if behind else "Esc",
            key="event_close",
            on_click=look_at,
            args=(None,),
        )
    if event.user_agent:
        st.html('<div class="sw-h">User agent, as it was sent</div>')
        st.text(visible(event.user_agent, MAX_TEXT))
    st.code(event.event_id, language=None)


def look_at(event_id: str | None) -> None:
    """Put an event into the address, or take it out."""
    if event_id is None:
        st.query_params.pop("event", None)
    else:
        st.query_params["event"] = event_id


def story(session: SessionDetail, shown: SessionPicture) -> None:
    """Tell what happened, in order."""
    told = sorted(_told(session, shown), key=lambda one: one[0])
    items = "".join(
        f'<div style="text-align:center;line-height:1.5">{mark}</div><div style="line-height:1.4">'
        f'<div class="sw-strong">{title}</div>'
        f'<div class="sw-sub sw-small sw-num">{clock(when)}{" · " + more if more else ""}</div></div>'
        for when, mark, title, more in told
    )
    st.html(
        f'<h2 class="sw-title" style="margin-bottom:.5rem">What happened</h2>'
        f'<div style="display:grid;grid-template-columns:1.2rem 1fr;gap:.6rem .5rem">{items}</div>'
    )


def _told(session: SessionDetail, shown: SessionPicture) -> list[_Told]:
    told: list[_Told] = []
    # Without a history of theirs everything would be new.
    new = {lane.lane for lane in shown.lanes if not lane.known} if any(lane.known for lane in shown.lanes) else set()
    for lane in shown.lanes:
        began = session.created is not None and lane.first <= session.created
        title = "Session created" if began else "Used from another network or device"
        mark = f'<span style="color:{colour("accent" if began else "info" if lane.known else "high")}">▲</span>'
        told.append(
            (lane.first, mark, title, html_text(lane_name(lane)) + (" · new for this user" if lane.lane in new else ""))
        )
    for alert in session.alerts:
        told.append((alert.event_time, glyph(alert.severity), html_text(alert.title), html_text(alert.severity.value)))
    for revocation in session.revocations:
        asked = revocation.times.get("requested", session.last)
        told.append(
            (asked, "⊘", f"Revoked by {html_text(revocation.requested_by)}", html_text(STANDING[revocation.state]))
        )
        proven = revocation.times.get("confirmed")
        if proven is not None:
            told.append((proven, "✓", "Proven to be gone", f"{took(proven - asked)} after the decision"))
    if session.ended is not None:
        told.append((session.ended, "■", "Ended", html_text(session.end_reason or "")))
    return told


def _details(event: EventRow) -> list[tuple[str, object]]:
    network = " · ".join(
        str(part)
        for part in (f"AS{event.asn}" if event.asn is not None else None, event.network_type, event.network)
        if part
    )
    device = " on ".join(part for part in (event.agent_family, event.agent_os) if part)
    late = length((event.arrival - event.event_time).total_seconds()) if event.late else None
    return [
        ("Network", network),
        ("Address", event.ip),
        ("Place", ", ".join(part for part in (event.city, event.region, event.country) if part)),
        ("Device", device),
        ("Device id", event.device_id),
        ("Stands for", f"{event.count:,} uses" if event.count > 1 else None),
        ("Sign-in", " + ".join(part for part in (event.auth_method, "MFA" if event.mfa else None) if part)),
        ("Act", event.action),
        ("Late by", late),
        ("Cleaned", ", ".join(event.input_flags)),
        ("Kafka", f"{event.topic}/{event.partition} @ {event.offset}"),
    ]
