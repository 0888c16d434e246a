"""Which dialog is open. Keys are dead behind one, and a refresh does not close it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import streamlit as st

_OPEN = "dialog"
_ASKED = "dialog_asked"


@dataclass(frozen=True, slots=True)
class Dialog:
    """A dialog about a session or user, perhaps answering an alert."""

    kind: Literal["revoke", "note"]
    app: str
    session_id: str | None
    user_id: str | None
    alert_id: str | None = None
    note: str = ""


def ask(dialog: Dialog) -> None:
    """Open a dialog with the next run of the page."""
    st.session_state[_OPEN] = dialog
    st.session_state[_ASKED] = True


def close() -> None:
    """Close it."""
    st.session_state.pop(_OPEN, None)


def opened() -> Dialog | None:
    """Return the one that is open."""
    dialog: Dialog | None = st.session_state.get(_OPEN)
    return dialog


def just_asked() -> bool:
    """Return whether the page has to run to show it; once."""
    return bool(st.session_state.pop(_ASKED, False))
