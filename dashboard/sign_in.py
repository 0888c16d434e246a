"""Signing in: a pasted token or a one-time `?code=`, kept for the browser session alone.

The token lives in this connection's memory and in the tab's sessionStorage (`keep_token.js`), so that a reload and a
second tab need no second paste; it is in no cookie, no file and no address.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from dashboard import client
from dashboard.client import Api
from dashboard.errors import ApiRefusedError, ApiSilentError, ConsoleError, SignedOutError
from dashboard.safe import html_text
from schemas.api import ROLES, Me, Role

_KEEPER = Path(__file__).with_name("keep_token.js").read_text()
_PERSON = "person"
_WANT = "keeper_wants"
_SAYS = "sign_in_says"
_ANSWERED = "keeper_answered"


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in, and with what."""

    me: Me
    token: str

    def __repr__(self) -> str:
        """Show no token, not even in a traceback."""
        return f"Person({self.me.name}, {self.me.role})"

    def may(self, role: Role) -> bool:
        """Return whether the role suffices."""
        return ROLES.index(self.me.role) >= ROLES.index(role)


@st.cache_resource(show_spinner=False, on_release=lambda connections: connections.close())
def _connections() -> Any:
    return client.connections()


def api() -> Api:
    """Return the API, spoken to as the person who is signed in."""
    signed_in = st.session_state.get(_PERSON)
    return Api(_connections(), signed_in.token if signed_in else None)


def person() -> Person:
    """Return who is signed in; only for what runs behind `gate`."""
    signed_in: Person = st.session_state[_PERSON]
    return signed_in


def gate() -> bool:
    """Return whether somebody is signed in; shows the way in where nobody is."""
    _take_code()
    signed_in = st.session_state.get(_PERSON)
    _mount_keeper(signed_in)
    if signed_in is not None:
        return True
    if st.session_state.get(_WANT, "find") == "find":
        # The browser is being asked; nothing flashes by meanwhile.
        st.skeleton(height=420)
        return False
    _form()
    return False


def sign_out(says: str = "", *, everywhere: bool = False) -> None:
    """Forget the token, here and in the browser.

    Args:
        says: a line for the form.
        everywhere: in the other tabs of this browser too.
    """
    if everywhere:
        # What it answers changes nothing here: the token is forgotten on this side either way.
        with suppress(ConsoleError):
            api().sign_out()
    kept = {name: st.session_state[name] for name in ("zone",) if name in st.session_state}
    st.session_state.clear()
    st.session_state.update(kept)
    st.session_state[_WANT] = "forget everywhere" if everywhere else "forget"
    st.session_state[_SAYS] = says


def ended(reason: SignedOutError) -> None:
    """Forget a token that the API takes no longer, and start anew."""
    sign_out(f"Your sign-in has ended: {reason}. Sign in again to go on where you were.")
    st.rerun()


def _take_code() -> None:
    code = st.query_params.get("code")
    if code is None:
        return
    # Out of the address first: it is in no history, and a reload does not try it twice.
    del st.query_params["code"]
    try:
        signed = api().sign_in(code)
    except ConsoleError as reason:
        st.session_state[_SAYS] = f"The link's code was not taken: {reason}. Codes work once, within 60 seconds."
        return
    st.session_state[_PERSON] = Person(Me.model_validate(signed.model_dump()), signed.token)


def _mount_keeper(signed_in: Person | None) -> None:
    wanted = st.session_state.get(_WANT, "find")
    asked: dict[str, object] = {"want": "keep", "token": signed_in.token} if signed_in else {"want": wanted}
    if not signed_in and wanted == "forget everywhere":
        asked = {"want": "forget", "everywhere": True}
    keeper = st.components.v2.component("sessionwatch.keep_token", js=_KEEPER, html="<span></span>")
    with st.container(key="keep_token"):
        answer = keeper(key="keeper", data=asked, on_found_change=_found)
    if answer.found and _take(answer.found):
        st.rerun()


def _found() -> None:
    # A run of another page than the last forgets the keeper's state before it calls this: the answer is then only in
    # what the keeper returns. Taken here first because a run that is overtaken may never come as far as the keeper.
    keeper = st.session_state.get("keeper")
    if keeper and keeper.get("found"):
        _take(keeper["found"])


def _take(found: dict[str, Any]) -> bool:
    """Act on what the browser answered; returns whether this answer was new."""
    if st.session_state.get(_ANSWERED) == found["at"]:
        return False
    _act_on(found)
    # After it: signing out clears what this connection remembers.
    st.session_state[_ANSWERED] = found["at"]
    return True


def _act_on(found: dict[str, Any]) -> None:
    if found["token"]:
        _enter(found["token"])
    elif _PERSON in st.session_state:
        sign_out("Signed out in another tab.")
    else:
        st.session_state[_WANT] = "nothing"


def _enter(token: str) -> Literal["in", "refused", "silent"]:
    try:
        me = Api(_connections(), token).me()
    except ApiSilentError as reason:
        # The token may well be good: it is kept in the browser and tried again with the next load.
        st.session_state[_WANT] = "nothing"
        st.session_state[_SAYS] = f"No answer: {reason}."
        return "silent"
    except ApiRefusedError as reason:
        st.session_state[_WANT] = "forget"
        st.session_state[_SAYS] = f"This token is not taken: {reason}."
        return "refused"
    st.session_state[_PERSON] = Person(me, token)
    st.session_state.pop(_SAYS, None)
    st.session_state[_WANT] = "find"
    return "in"


def _form() -> None:
    with st.container(key="sign_in", border=True):
        st.image(str(Path(__file__).parent / "static" / "logo.svg"), width=150)
        st.html(
            '<h1 class="sw-title">Sign in</h1><div class="sw-sub">Paste your token. The pipeline '
            'wrote the first one, for its admin, to <span class="sw-mono">admin.token</span> beside its store.</div>'
        )
        with st.form("token_form", border=False, enter_to_submit=True):
            token = st.text_input("Token", type="password", autocomplete="off", placeholder="swt_…", key="pasted_token")
            pressed = st.form_submit_button("Sign in", type="primary", width="stretch")
        if pressed and token and _enter(token.strip()) == "in":
            st.rerun()
        says = st.session_state.get(_SAYS)
        if says:
            st.html(f'<div class="sw-band" role="alert">{html_text(says)}</div>')
        st.html('<div class="sw-sub sw-small">It is kept until you sign out or close this browser\'s tabs.</div>')
