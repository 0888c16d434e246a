"""What is selected among the live sessions, and how to end it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import dialog, links, sign_in
from dashboard.dialog import Dialog
from dashboard.errors import ConsoleError, SignedOutError
from dashboard.instants import age
from dashboard.palette import glyph
from dashboard.safe import html_text
from schemas.api import SessionRow

LISTED = 8
_MOST = 50
_READ = "live_panel_read"


def live_panel(by: str, picked: tuple[str, str] | None, rows: Sequence[SessionRow]) -> None:
    """Show what is selected.

    Args:
        by: what the list counts by; "session" for one by one.
        picked: app and value; None = nothing is selected.
        rows: the list's sessions, where it lists them one by one.
    """
    if picked is None:
        st.html('<div class="sw-sub">Pick a row to see what it is made of, and to end it.</div>')
        return
    app, value = picked
    if by == "session":
        row = next((one for one in rows if (one.app, one.session_id) == picked), None)
        if row is None:
            st.html('<div class="sw-sub">This session is not in use any more.</div>')
            return
        _session(row)
    else:
        _group(by, app, value)
    if not sign_in.person().may("analyst"):
        st.html('<div class="sw-sub sw-small">Your role may look. To end sessions, ask for the role analyst.</div>')


def _session(row: SessionRow) -> None:
    where = " · ".join(html_text(part) for part in (row.agent, row.network, row.country) if part)
    worst = f"{glyph(row.severity)} {row.severity.capitalize()} alert · " if row.severity else ""
    st.html(
        f'<h2 class="sw-title">{html_text(row.user_id or "User not known")} on {html_text(row.app)}</h2>'
        f'<div class="sw-mono">{html_text(row.session_id)}</div>'
        f'<div class="sw-sub">{where}</div><div class="sw-sub sw-num">{worst}used {age(row.last)} ago · '
        f"{row.requests:,} uses · {row.networks:,} networks · {row.devices:,} devices</div>"
    )
    _end("session", "End this session…", Dialog("revoke", row.app, row.session_id), main=True)
    if row.user_id is not None:
        _end("user", "End all of this user…", Dialog("revoke", row.app, user_id=row.user_id))
    if row.network is not None:
        _end("network", "End all from its network…", Dialog("revoke", row.app, network=row.network))
    _link(row)


def _group(by: str, app: str, value: str) -> None:
    sessions = _sessions_of(by, app, value)
    named = f"{html_text(value)} on {html_text(app)}" if by != "app" else html_text(app)
    if sessions is None:
        st.html(f'<h2 class="sw-title">{named}</h2><div class="sw-sub">Not read: the API is silent.</div>')
        return
    rows = "".join(
        f"<tr><td>{html_text((one.user_id if by != 'user' else one.network) or 'not known', 60)}</td>"
        f"<td>{html_text(one.agent or 'agent not known', 60)}</td>"
        f'<td class="sw-num sw-sub">used {age(one.last)} ago</td></tr>'
        for one in sessions[:LISTED]
    )
    number = f"{len(sessions)}{'+' if len(sessions) == _MOST else ''}"
    rest = len(sessions) - LISTED
    more = (
        f'<div class="sw-sub sw-small">and {rest}{"+" if len(sessions) == _MOST else ""} more</div>' if rest > 0 else ""
    )
    st.html(
        f'<h2 class="sw-title">{named}</h2><div class="sw-sub">{number} live session{"" if number == "1" else "s"}, '
        f'the last used first</div><table class="sw-table ruled">{rows}</table>{more}'
    )
    if by == "user":
        _end("user", "End all of this user…", Dialog("revoke", app, user_id=value), main=True)
    elif by == "network":
        _end("network", "End all from this network…", Dialog("revoke", app, network=value), main=True)
    else:
        st.html(
            '<div class="sw-sub sw-small">An app as a whole is ended by nobody from here: pick its users or networks.'
            "</div>"
        )
    if len(sessions) == 1:
        _link(sessions[0])


def _sessions_of(by: str, app: str, value: str) -> list[SessionRow] | None:
    """Return the group's sessions, read once for each selection; None where the API is silent."""
    name = (by, app, value)
    known: tuple[tuple[str, str, str], list[SessionRow]] | None = st.session_state.get(_READ)
    if known is not None and known[0] == name:
        return known[1]
    try:
        page = sign_in.api().live_sessions(
            _MOST, app=app, user_id=value if by == "user" else None, network=value if by == "network" else None
        )
    except SignedOutError as reason:
        sign_in.ended(reason)
        return None
    except ConsoleError:
        return None
    st.session_state[_READ] = (name, page.items)
    return page.items


def forget() -> None:
    """Have the selection's sessions read anew."""
    st.session_state.pop(_READ, None)


def _end(what: str, label: str, asked: Dialog, *, main: bool = False) -> None:
    st.button(
        label,
        key=f"act_end_{what}",
        icon=":material/block:",
        type="primary" if main else "secondary",
        disabled=not sign_in.person().may("analyst"),
        on_click=dialog.ask,
        args=(asked,),
    )


def _link(row: SessionRow) -> None:
    st.page_link(
        links.SESSION,
        label="What happened inside it",
        icon=":material/timeline:",
        query_params=links.session_address(row.app, row.session_id),
    )
