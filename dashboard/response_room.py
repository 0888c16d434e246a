"""What the page Response keeps between its runs: what waits, what bounds it, as it was last read."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import streamlit as st

from dashboard import sign_in
from dashboard.errors import ApiSilentError, ConsoleError, SignedOutError
from dashboard.held_list import HeldList
from dashboard.live import REFRESH_S
from schemas.api import GuardBudgets, OnCallView, OpenStepUps

MOST_HELD = 200
SLOW_S = 10.0
"""How often budgets and people on call are asked for: they change with the hour, not with the second."""

PAGE = 20
"""Held revocations that are shown at first, each with its buttons."""

_ROOM = "response_room"


@dataclass(slots=True)
class Room:
    """The page's memory.

    Attributes:
        wanted: held revocations that are shown.
        trouble: why something was not read, in one line; a silent API is the band's to tell.
    """

    held: HeldList = field(default_factory=HeldList)
    step_ups: OpenStepUps | None = None
    budgets: GuardBudgets | None = None
    on_call: OnCallView | None = None
    wanted: int = PAGE
    trouble: str = ""
    _read_at: float = float("-inf")
    _slow_at: float = float("-inf")

    @property
    def is_read(self) -> bool:
        """Whether anything was read yet."""
        return self.step_ups is not None

    def refresh(self) -> None:
        """Read what has changed, and move nothing."""
        now = time.monotonic()
        if now - self._read_at < REFRESH_S * 0.9:
            return
        self._read_at = now
        self._read(anew=False)

    def show_new(self) -> None:
        """Read, and show the list as it is now."""
        self._read_at = time.monotonic()
        self._read(anew=True)

    def more(self) -> None:
        """Show more of the list."""
        self.wanted += PAGE

    def look_again(self) -> None:
        """Read all of it with the next run: something was decided."""
        self._read_at = self._slow_at = float("-inf")
        self.held.order = []

    def _read(self, *, anew: bool) -> None:
        api = sign_in.api()
        try:
            page = api.held(MOST_HELD)
            take = self.held.show if anew else self.held.read
            take(page.items, more=page.next is not None)
            self.step_ups = api.step_ups()
            if time.monotonic() - self._slow_at >= SLOW_S:
                self.budgets, self.on_call = api.budgets(), api.on_call()
                self._slow_at = time.monotonic()
            self.trouble = ""
        except SignedOutError as reason:
            sign_in.ended(reason)
        except ApiSilentError:
            return
        except ConsoleError as reason:
            self.trouble = str(reason)


def room() -> Room:
    """Return the person's own."""
    known: Room = st.session_state.setdefault(_ROOM, Room())
    return known
