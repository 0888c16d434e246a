"""Finding a session: the ones used last, and a search."""

from __future__ import annotations

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from dashboard import links, sign_in
from dashboard.errors import ConsoleError, SignedOutError
from dashboard.instants import age, at, zone_name
from dashboard.safe import html_text, visible
from schemas.api import MAX_QUERY, SessionRow

LISTED = 100


def session_search(*, titled: bool = True) -> None:
    """Show the sessions used last, and open the one that is chosen.

    Args:
        titled: with the page's title above.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if titled:
            st.html('<h1 class="sw-page">Session</h1>', width="content")
        st.space("stretch")
        user = st.text_input(
            "User",
            key="session_user",
            max_chars=MAX_QUERY,
            type="search",
            width=260,
            placeholder="user id",
            label_visibility="collapsed",
        )
    try:
        found = sign_in.api().sessions((user or "").strip(), LISTED).items
    except SignedOutError as reason:
        sign_in.ended(reason)
        return
    except ConsoleError as reason:
        st.html(f'<div class="sw-band" role="alert">Not read: {html_text(reason)}</div>')
        return
    if not found:
        said = f"No session of {html_text(user)} is kept." if user else "No sessions yet."
        st.html(f'<div class="sw-sub">{said}</div>')
        return
    st.html(
        f'<div class="sw-sub sw-small">The {len(found)} sessions used last. '
        "Choose one to see what happened inside it.</div>"
    )
    picked = st.dataframe(
        _table(found),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height=560,
        key="sessions",
        alt="Sessions, the last used first",
    )
    rows = picked.selection.rows
    if rows:
        chosen = found[rows[0]]
        st.switch_page(links.SESSION, query_params=links.session_address(chosen.app, chosen.session_id))


def _table(sessions: list[SessionRow]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                f"Last used ({zone_name(*(each.last for each in sessions))})": at(one.last),
                "Age": age(one.last),
                "User": visible(one.user_id or ""),
                "App": one.app,
                "State": "live" if one.live else one.end_reason or "idle",
                "Worst alert": one.severity.value if one.severity else "",
                "Events": one.events,
                "Networks": one.networks,
                "Devices": one.devices,
                "Device": visible(one.agent or ""),
                "Session": one.session_id,
            }
            for one in sessions
        ]
    )
