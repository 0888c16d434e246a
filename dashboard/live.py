"""What the pipeline says of itself, asked every two seconds for all parts of a page together."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime

import streamlit as st

from dashboard import sign_in
from dashboard.errors import ApiSilentError, ConsoleError, SignedOutError
from dashboard.instants import now
from schemas.api import SystemView

REFRESH_S = 2.0
_LIVE = "live"


@dataclass(frozen=True, slots=True)
class Live:
    """The newest answer, and whether there was one.

    Attributes:
        view: the newest that was read; None = never.
        read: when, by the console's clock.
        silent_since: the first question without an answer since then; None = the API answers.
    """

    view: SystemView | None = None
    read: datetime | None = None
    silent_since: datetime | None = None
    asked: float = float("-inf")

    @property
    def stale(self) -> bool:
        """Whether what is shown may not be how things are."""
        return self.silent_since is not None or self.view is None or not self.view.live


def ask_again() -> None:
    """Have the next look ask: something was changed by hand."""
    known: Live = st.session_state.get(_LIVE, Live())
    st.session_state[_LIVE] = replace(known, asked=float("-inf"))


def look() -> Live:
    """Return how the pipeline is, at most two seconds old."""
    known: Live = st.session_state.get(_LIVE, Live())
    asked = time.monotonic()
    # A little less than the beat, so that each beat asks once and not every second one.
    if asked - known.asked < REFRESH_S * 0.9:
        return known
    try:
        live = Live(sign_in.api().system(), now(), None, asked)
    except SignedOutError as reason:
        sign_in.ended(reason)
        return known
    except ApiSilentError:
        live = Live(known.view, known.read, known.silent_since or now(), asked)
    except ConsoleError:
        live = Live(known.view, known.read, known.silent_since, asked)
    st.session_state[_LIVE] = live
    return live
