"""The frame around every page: who is signed in, the time zone, the live state, and the bands that warn."""

from __future__ import annotations

import streamlit as st

from dashboard import live, sign_in
from dashboard.instants import ZONE_CHOICES, age, clock, length, zone_name
from dashboard.palette import colour
from dashboard.safe import html_text


def sidebar() -> None:
    """Show time zone, live state and who is signed in."""
    with st.sidebar:
        st.segmented_control(
            "Time zone",
            ZONE_CHOICES,
            key="zone",
            default="UTC",
            required=True,
            bind="query-params",
            width="stretch",
            help="Local is your browser's time zone.",
        )
        _pulse()
        me = sign_in.person().me
        apps = "all apps" if me.apps is None else ", ".join(me.apps) or "no apps"
        st.html(
            f'<div class="sw-live">Signed in as <span class="sw-strong">{html_text(me.name)}</span><br>'
            f"{html_text(me.role)} · {html_text(apps)}</div>"
        )
        st.button(
            "Sign out",
            type="tertiary",
            icon=":material/logout:",
            on_click=sign_in.sign_out,
            kwargs={"everywhere": True},
        )


@st.fragment(run_every=live.REFRESH_S)
def _pulse() -> None:
    state = live.look()
    view = state.view
    if view is None:
        st.html('<div class="sw-live">Not read yet</div>')
        return
    dot, word = (colour("high"), "Not live") if state.stale else (colour("accent"), "Live")
    until = (
        f"data to {clock(view.newest_event)} {zone_name(view.newest_event)}" if view.newest_event else "no events yet"
    )
    lines = [f'<span style="color:{dot}" aria-hidden="true">●</span> {word} · {until}']
    lines.append(f"lag {view.lag_s:.1f} s · {view.events_per_s:,.0f} events/s")
    if view.paused is not None:
        lines.append(f'<span class="sw-strong">Paused</span> by {html_text(view.paused.by)}: nothing ends by itself')
    if view.dry_run:
        lines.append('<span class="sw-strong">Dry run</span>: revocations are never sent')
    st.html(f'<div class="sw-live">{"<br>".join(lines)}</div>')


@st.fragment(run_every=2 * live.REFRESH_S)
def band() -> None:
    """Say so where what is shown may not be how things are: no all-clear on stale data."""
    said = _warning(live.look())
    # One container, filled or not: a fragment that grows would write over what follows it.
    with st.container(key="band"):
        if not said:
            return
        glyph = '<span class="sw-glyph" aria-hidden="true">▲</span>'
        st.html(f'<div class="sw-band" role="status">{glyph}<span>{said}</span></div>')


def _warning(state: live.Live) -> str:
    if state.silent_since is not None:
        read = f" What you see was read at {clock(state.read)}." if state.read else ""
        return f"<b>API silent since {clock(state.silent_since)} {zone_name()}</b>, retrying.{read}"
    view = state.view
    if view is None or view.live:
        return ""
    why = "; ".join(html_text(problem) for problem in view.problems)
    if view.newest_event is None:
        return f"<b>Can't tell</b>: no data yet. {why}"
    ends = f"data ends {clock(view.newest_event)} {zone_name(view.newest_event)}, {age(view.newest_event)} ago"
    behind = f", {view.behind_records:,} records behind, lag {length(view.lag_s)}" if view.behind_records else ""
    return f"<b>Can't tell</b>: {ends}{behind}. {why}"
