"""The console's entry: `streamlit run dashboard/app.py`, as `sessionwatch dashboard` starts it."""

from __future__ import annotations

import gc
from pathlib import Path

import altair
import pandas  # type: ignore[import-untyped]
import streamlit as st

from dashboard import dialog, frame, late_beat, links, palette, sign_in

STATIC = Path(__file__).parent / "static"


@st.cache_resource(show_spinner=False)
def freeze_imports() -> tuple[str, str]:
    """Take the imported modules out of the collector's way: Streamlit collects in full after every rerun.

    An idle analyst's page costs 2 % of a core instead of 12 %.
    """
    gc.collect()
    gc.freeze()
    return altair.__version__, pandas.__version__


def run() -> None:
    """Show the page that the address names, to somebody who is signed in."""
    st.set_page_config(page_title="sessionwatch", page_icon=str(STATIC / "icon.svg"), layout="wide")
    freeze_imports()
    late_beat.settle()
    st.html(palette.style_sheet())
    signed_in = sign_in.gate()
    pages = {
        "Triage": [st.Page(links.ALERTS, title="Alerts", icon=":material/inbox:", url_path="alerts", default=True)],
        "Investigate": [
            st.Page(links.SESSION, title="Session", icon=":material/timeline:", url_path="session"),
            st.Page(links.CAMPAIGNS, title="Campaigns", icon=":material/hub:", url_path="campaigns"),
        ],
        "Operate": [
            st.Page(links.RESPONSE, title="Response", icon=":material/shield:", url_path="response"),
            st.Page(links.LIVE_SESSIONS, title="Live sessions", icon=":material/group:", url_path="live"),
        ],
    }
    page = st.navigation(pages, position="sidebar" if signed_in else "hidden")
    if not signed_in:
        return
    st.logo(str(STATIC / "logo.svg"), icon_image=str(STATIC / "icon.svg"), size="large")
    if st.session_state.get("page") != page.url_path:
        # Back from an open dialog leaves it behind.
        st.session_state["page"] = page.url_path
        dialog.close()
    frame.sidebar()
    frame.band()
    with dialog.whole_page():
        page.run()


run()
