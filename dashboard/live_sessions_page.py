"""Live sessions: who is in, by session, user, network or app, and out with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from dashboard import address, dialog, links, live, live_panel, proof, sign_in
from dashboard.dialog import Dialog
from dashboard.errors import ApiSilentError, ConsoleError, SignedOutError
from dashboard.instants import age, at, clock, now, zone_name
from dashboard.revoke_dialog import revoke_dialog
from dashboard.safe import html_text, visible
from dashboard.settle import settle_dialog
from schemas.api import MAX_QUERY, LiveGroupPage, LiveGroupRow, RevocationDetail, SessionRow

By = Literal["session", "user", "network", "app"]
WAYS: dict[By, str] = {"session": "Sessions", "user": "Users", "network": "Networks", "app": "Apps"}
DEFAULT_WAY: By = "user"
LISTED = 200
_WHO = "live_who"
TABLE = "live_table"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is listed: sessions one by one, or counted by what they have in common.

    Attributes:
        app: None = all.
        who: a user or a network that the sessions are of; empty = anybody.
    """

    by: By
    app: str | None
    who: str


@dataclass(slots=True)
class WhoIsIn:
    """The list as it was read; it stands still until it is asked for anew.

    Attributes:
        more: there are more than these.
        picked: what is selected, by app and value.
        ended: the last revocation that was asked for here.
    """

    asked: Asked | None = None
    read: datetime | None = None
    groups: LiveGroupPage | None = None
    rows: list[SessionRow] = field(default_factory=list)
    more: bool = False
    picked: tuple[str, str] | None = None
    ended: RevocationDetail | None = None
    trouble: str = ""

    def names(self) -> list[tuple[str, str]]:
        """Return app and value of each row, in the list's order."""
        if self.asked is not None and self.asked.by == "session":
            return [(row.app, row.session_id) for row in self.rows]
        return [(group.app, group.value) for group in self.groups.items] if self.groups is not None else []


def show() -> None:
    """Show the page."""
    who = _who()
    asked = _filters()
    if asked != who.asked:
        who.picked = None
        _read(who, asked)
    _facts(who)
    left, right = st.columns([60, 40], gap="medium")
    with left:
        _list(who)
    with right:
        _panel(who)
    dialog.place(_show)


def _who() -> WhoIsIn:
    known: WhoIsIn = st.session_state.setdefault(_WHO, WhoIsIn())
    return known


def _filters() -> Asked:
    ways = address.named("by", list(WAYS))
    if ways is not None:
        st.session_state["by"] = ways[0] if ways else DEFAULT_WAY
    view = live.look().view
    apps = view.apps if view is not None else []
    named = address.named("app", apps)
    if named is not None:
        st.session_state["app"] = named[0] if named else None
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters"):
        st.html('<h1 class="sw-page">Live sessions</h1>', width="content")
        st.space("stretch")
        by = st.segmented_control(
            "By", list(WAYS), key="by", required=True, label_visibility="collapsed", format_func=WAYS.__getitem__
        )
        app = st.selectbox(
            "App", apps, key="app", index=None, placeholder="all apps", label_visibility="collapsed", width=150
        )
        who = st.text_input(
            "User or network",
            key="who",
            bind="query-params",
            max_chars=MAX_QUERY,
            type="search",
            width=230,
            placeholder="user id, or network /24, /64",
            label_visibility="collapsed",
        )
    address.write("by", [by] if by and by != DEFAULT_WAY else [])
    address.write("app", [app] if app else [])
    text = (who or "").strip()
    # Of one user or network there is nothing to be counted.
    return Asked("session" if text else by or DEFAULT_WAY, app, text)


def _read(who: WhoIsIn, asked: Asked) -> None:
    api = sign_in.api()
    try:
        if asked.by == "session":
            network = "/" in asked.who
            page = api.live_sessions(
                LISTED,
                app=asked.app,
                user_id=None if network else asked.who or None,
                network=asked.who if network else None,
            )
            who.rows, who.more = page.items, page.next is not None
            who.groups = api.live_groups("app", asked.app)
        else:
            who.groups = api.live_groups(asked.by, asked.app)
            who.rows, who.more = [], who.groups.more
    except SignedOutError as reason:
        sign_in.ended(reason)
    except ConsoleError as reason:
        who.trouble = "the API is silent" if isinstance(reason, ApiSilentError) else str(reason)
        return
    who.asked, who.read, who.trouble = asked, now(), ""


def _again() -> None:
    who = _who()
    if who.asked is not None:
        _read(who, who.asked)


def _facts(who: WhoIsIn) -> None:
    if who.trouble:
        st.html(f'<div class="sw-band" role="alert">Not read: {html_text(who.trouble)}</div>')
    if who.groups is None or who.read is None or who.asked is None:
        return
    groups, asked = who.groups, who.asked
    whole = [
        f"<span><b>{groups.sessions:,}</b> live session{'' if groups.sessions == 1 else 's'}</span>",
        f"<span><b>{groups.users:,}</b> user{'' if groups.users == 1 else 's'}</span>",
        f"<span><b>{groups.networks:,}</b> network{'' if groups.networks == 1 else 's'}</span>",
    ]
    if asked.who:
        number = f"{len(who.rows):,}{'+' if who.more else ''}"
        whole.insert(0, f"<span><b>{number}</b> of {html_text(asked.who, 60)}</span>")
    elif who.more:
        of = "used last" if asked.by == "session" else "largest"
        whole.append(f"<span>the {LISTED} {of} are listed</span>")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f'<div class="sw-facts">{"<span>·</span>".join(whole)}</div>', width="content")
        st.space("stretch")
        st.html(
            f'<span class="sw-sub sw-small sw-num">as of {clock(who.read)} {zone_name(who.read)}</span>',
            width="content",
        )
        st.button("Read again", key="read_again", icon=":material/refresh:", type="tertiary", on_click=_again)


def _list(who: WhoIsIn) -> None:
    names = who.names()
    if not names:
        if not who.trouble:
            whose = f" of {html_text(who.asked.who, 60)}" if who.asked is not None and who.asked.who else ""
            st.html(f'<div class="sw-sub">No live session{whose}.</div>')
        return
    place = names.index(who.picked) if who.picked in names else None
    # By its id, not by its place: a list that is read anew has another order.
    st.session_state[TABLE] = {"selection": {"rows": [] if place is None else [place], "columns": [], "cells": []}}
    by_session = who.asked is not None and who.asked.by == "session"
    st.dataframe(
        _sessions_table(who.rows) if by_session else _groups_table(who.groups.items if who.groups else [], who.asked),
        hide_index=True,
        on_select=_select,
        selection_mode="single-row",
        height=min(620, 37 + 35 * len(names)),
        row_height=35,
        key=TABLE,
        alt="Live sessions" if by_session else "Live sessions, the largest groups first",
    )


def _select() -> None:
    who = _who()
    rows = st.session_state[TABLE]["selection"]["rows"]
    names = who.names()
    who.picked = names[rows[0]] if rows and rows[0] < len(names) else None


def _groups_table(groups: list[LiveGroupRow], asked: Asked | None) -> pd.DataFrame:
    by = asked.by if asked is not None else "app"
    columns = {"user": ("User", "Networks"), "network": ("Network", "Users"), "app": ("App", "Users")}
    name, other = columns[by]
    return pd.DataFrame(
        [
            {
                name: visible(one.value),
                **({} if by == "app" else {"App": one.app}),
                "Sessions": one.sessions,
                other: one.networks if other == "Networks" else one.users,
                "Country": one.country or "",
                f"Last used ({zone_name(*(each.last for each in groups))})": at(one.last),
                "Age": age(one.last),
            }
            for one in groups
        ]
    )


def _sessions_table(sessions: list[SessionRow]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "User": visible(one.user_id or ""),
                "App": one.app,
                "Network": visible(one.network or ""),
                "Country": one.country or "",
                "Device": visible(one.agent or ""),
                "Worst alert": one.severity.value if one.severity else "",
                f"Last used ({zone_name(*(each.last for each in sessions))})": at(one.last),
                "Age": age(one.last),
                "Session": one.session_id,
            }
            for one in sessions
        ]
    )


def _panel(who: WhoIsIn) -> None:
    @st.fragment(run_every=live.REFRESH_S)
    def panel() -> None:
        with st.container(border=True, key="panel", gap="small"):
            if who.ended is not None:
                _ended(who)
            live_panel.live_panel(who.asked.by if who.asked is not None else DEFAULT_WAY, who.picked, who.rows)
        if dialog.due():
            st.rerun()

    panel()


def _ended(who: WhoIsIn) -> None:
    """Say what came of the last act, until it is proven."""
    assert who.ended is not None
    if proof.waits([who.ended]):
        try:
            who.ended = sign_in.api().revocation(who.ended.revocation_id)
        except SignedOutError as reason:
            sign_in.ended(reason)
        except ConsoleError:
            # The band says so; what was read stays.
            pass
    st.html(proof.proof_html(who.ended))
    if who.ended.state == "held":
        st.page_link(links.RESPONSE, label="Held ones are decided under Response", icon=":material/shield:")


def _show(opened: Dialog) -> None:
    if opened.kind == "revoke":
        revoke_dialog(opened, _revoked)
    elif opened.kind in ("approve", "drop", "release", "retry"):
        settle_dialog(opened, opened.kind, _revoked)


def _revoked(revocation: RevocationDetail) -> None:
    _who().ended = revocation
    live_panel.forget()
    _again()
