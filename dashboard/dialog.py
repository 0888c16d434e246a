"""Which dialog is open. Keys are dead behind one, and a refresh does not close it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from schemas.revocation import Scope

PLACE = "dialogs"
"""The key of the fragment in which each page draws its dialogs."""

_OPEN = "dialog"
_DRAWN = "dialog_drawn"
_RUNS = "page_runs"


Settlement = Literal["approve", "drop", "release", "retry"]
"""What a person decides on a revocation that stands, in the API's words."""


Switch = Literal["pause", "resume"]
"""The kill switch, in the API's words."""

LaneAct = Literal["messages_retry", "messages_drop"]
"""What is done to a lane's messages."""


@dataclass(frozen=True, slots=True)
class Dialog:
    """A dialog about sessions, perhaps answering an alert or settling a revocation; or about the response as a whole.

    Attributes:
        scope: of the revocation that is settled.
        lane: of the outbox, whose messages it is about.
    """

    kind: Literal["revoke", "note"] | Settlement | Switch | LaneAct
    app: str = ""
    session_id: str | None = None
    user_id: str | None = None
    alert_id: str | None = None
    note: str = ""
    revocation_id: str | None = None
    network: str | None = None
    scope: Scope = "session"
    lane: str = ""


def ask(dialog: Dialog) -> None:
    """Open a dialog; for callbacks. Only the fragment `PLACE` runs, and not the page with its pictures."""
    st.session_state[_OPEN] = dialog
    st.rerun(PLACE)


def close() -> None:
    """Close it."""
    st.session_state.pop(_OPEN, None)
    st.session_state.pop(_DRAWN, None)


def opened() -> Dialog | None:
    """Return the one that is open."""
    dialog: Dialog | None = st.session_state.get(_OPEN)
    return dialog


@st.fragment(key=PLACE)
def place(show: Callable[[Dialog], None]) -> None:
    """Draw what is open, by the page's own word of how; each page has one such place.

    Args:
        show: draws a dialog.
    """
    dialog = opened()
    if dialog is not None:
        show(dialog)
    st.session_state[_DRAWN] = dialog


@contextmanager
def whole_page() -> Iterator[None]:
    """Run the whole page, its dialog included: until it ends, none is due."""
    st.session_state[_RUNS] = True
    try:
        yield
    finally:
        st.session_state[_RUNS] = False


def due() -> bool:
    """Return whether the whole page has to run to show the open one; for the page's fragments.

    It is a state and no event: a run that is broken off between the question and the picture leaves it true, and the
    next beat asks again.
    """
    if st.session_state.get(_RUNS):
        return False
    return opened() is not None and st.session_state.get(_DRAWN) != opened()
