"""One person's work on the queue: what is listed, what is selected, what was just decided."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import streamlit as st

from dashboard import sign_in
from dashboard.client import AlertFilter
from dashboard.errors import ApiSilentError, ConsoleError, SignedOutError
from dashboard.live import REFRESH_S
from dashboard.proof import SETTLED, waits
from dashboard.triage_queue import TriageQueue
from schemas.api import AlertDetail, AlertFacts, AlertPatch, AlertRow, Verdict

UNDO_S = 10.0
DETAIL_S = 10.0
"""How often an alert is read again where nothing tells that it has changed."""

PAGE = 100
MOST_LISTED = 1_000
"""Rows one person's list may grow to; a search finds the rest."""

Act = Literal["take", "benign", "false_alarm", "confirmed"]
_DONE: dict[Act, str] = {
    "take": "taken",
    "benign": "closed as benign",
    "false_alarm": "closed as a false alarm",
    "confirmed": "closed as confirmed",
}
_VERDICTS: dict[Act, Verdict] = {"benign": "benign", "false_alarm": "false_alarm", "confirmed": "confirmed"}


@dataclass(frozen=True, slots=True)
class Undo:
    """The last decision, while it can be taken back by one key.

    Attributes:
        whose: the user's or session's, for a line that says what was done.
        index: where it stood in the list.
        until: by the monotonic clock, seconds.
    """

    alert_id: str
    whose: str
    act: Act
    index: int
    until: float


@dataclass(slots=True)
class Triage:
    """What the page Alerts keeps between its runs.

    Attributes:
        pushed, push: where the console, not the person, last moved the selection; `push` grows with each time. The
            list is sent anew only where something of it has changed, and a person's selection is no change.
        wanted: rows asked for.
        says: what went wrong with the last act, in one line.
    """

    asked: AlertFilter | None = None
    queue: TriageQueue = field(default_factory=TriageQueue)
    facts: AlertFacts | None = None
    changed: datetime | None = None
    read_at: float = float("-inf")
    wanted: int = PAGE
    selected: str | None = None
    pushed: str | None = None
    push: int = 1
    detail: AlertDetail | None = None
    detail_of: str | None = None
    detail_at: float = float("-inf")
    missing: str = ""
    undo: Undo | None = None
    says: str = ""
    address: str | None = None
    open_session: AlertRow | None = None
    last_act: int = 0

    def move_to(self, alert_id: str | None) -> None:
        """Select an alert for the person; the list follows."""
        self.selected = self.pushed = alert_id
        self.push += 1

    def ask(self, asked: AlertFilter) -> None:
        """Read the list anew where the question has changed; the selection of another question is dropped."""
        if asked == self.asked:
            return
        if self.asked is not None:
            self.move_to(None)
        self.asked, self.wanted = asked, PAGE
        self.show_new()

    def show_new(self) -> None:
        """Show what waits."""
        self.changed = None
        listed = self._list()
        if listed is not None:
            self.queue.show(listed[0], more=listed[1])

    def more(self) -> None:
        """Show a hundred more."""
        self.wanted = min(MOST_LISTED, self.wanted + PAGE)
        self.show_new()

    def refresh(self) -> None:
        """Read what has changed, at most every two seconds, and move nothing."""
        now = time.monotonic()
        if now - self.read_at < REFRESH_S * 0.9:
            return
        self.read_at = now
        try:
            self.facts = sign_in.api().alert_facts()
        except SignedOutError as reason:
            sign_in.ended(reason)
        except ConsoleError:
            return
        if self.detail is None or waits(self.detail.revocations) or now - self.detail_at > DETAIL_S:
            self.detail_of = None
        # A revocation goes its way without changing its alert.
        moving = any(row.revocation and row.revocation.state not in SETTLED for row in self.queue.rows.values())
        if self.facts is None or (self.facts.newest_change == self.changed and not moving):
            return
        self.detail_of = None
        listed = self._list()
        if listed is None:
            return
        if self.queue.order or self.queue.rows:
            self.queue.read(listed[0], more=listed[1])
        else:
            self.queue.show(listed[0], more=listed[1])
        self.changed = self.facts.newest_change

    def look(self) -> AlertDetail | None:
        """Return the selected alert, whole; what was read last where the API is silent."""
        if self.selected is None:
            return None
        if self.detail_of != self.selected:
            try:
                self.detail, self.detail_of, self.missing = sign_in.api().alert(self.selected), self.selected, ""
                self.detail_at = time.monotonic()
            except SignedOutError as reason:
                sign_in.ended(reason)
            except ApiSilentError:
                pass
            except ConsoleError as reason:
                self.detail, self.detail_of, self.missing = None, self.selected, str(reason)
        return self.detail if self.detail is not None and self.detail.alert_id == self.selected else None

    def new_acts(self, acts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the acts that have not been taken up yet, and count them as taken up."""
        new = [act for act in acts if act["number"] > self.last_act]
        self.last_act = max((act["number"] for act in new), default=self.last_act)
        return new

    def look_again(self) -> None:
        """Read list and selected alert anew with the next beat: something of them was decided elsewhere."""
        self.detail_of, self.read_at = None, float("-inf")

    def act(self, act: Act, alert_id: str) -> None:
        """Decide or take an alert; a decision moves on to the next."""
        verdict = _VERDICTS.get(act)
        patch = AlertPatch(verdict=verdict) if verdict else AlertPatch(assign="take")
        index = self.queue.order.index(alert_id) if alert_id in self.queue.order else 0
        decided = self._decide(alert_id, patch)
        if decided is None:
            return
        self.undo = Undo(alert_id, decided.user_id or decided.key.value, act, index, time.monotonic() + UNDO_S)
        self.queue.rows[alert_id] = decided
        if verdict and self.asked is not None and decided.status not in self.asked.statuses:
            self.move_to(self.queue.decided(alert_id))

    def take_back(self) -> None:
        """Undo the last decision, within its ten seconds."""
        undo = self.can_undo()
        if undo is None:
            return
        alert = self._decide(undo.alert_id, AlertPatch(undo=True))
        if alert is None:
            return
        self.undo = None
        self.queue.put_back(alert, undo.index)
        self.move_to(undo.alert_id)

    def can_undo(self) -> Undo | None:
        """Return what can still be taken back."""
        return self.undo if self.undo is not None and time.monotonic() < self.undo.until else None

    def revoked(self, alert_id: str) -> None:
        """Close an alert as confirmed after its session was ended by hand; it stays in sight until it is proven."""
        decided = self._decide(alert_id, AlertPatch(verdict="confirmed"))
        if decided is not None:
            self.queue.rows[alert_id] = decided
            self.queue.gone.add(alert_id)

    def _decide(self, alert_id: str, patch: AlertPatch) -> AlertDetail | None:
        self.says, self.detail_of = "", None
        try:
            decided = sign_in.api().decide(alert_id, patch)
        except ConsoleError as reason:
            self.says = f"Not done: {reason}"
            return None
        self.read_at = float("-inf")
        return decided

    def _list(self) -> tuple[list[AlertRow], bool] | None:
        assert self.asked is not None
        rows: list[AlertRow] = []
        cursor: str | None = None
        try:
            while True:
                page = sign_in.api().alerts(self.asked, min(PAGE, self.wanted - len(rows)), cursor)
                rows += page.items
                cursor = page.next
                if cursor is None or len(rows) >= self.wanted:
                    return rows, cursor is not None
        except SignedOutError as reason:
            sign_in.ended(reason)
            return None
        except ConsoleError as reason:
            self.says = f"Not read: {reason}"
            return None


def triage() -> Triage:
    """Return this person's work on the queue."""
    work: Triage = st.session_state.setdefault("triage", Triage())
    return work


def undo_line(undo: Undo) -> str:
    """Return what was just done, in words."""
    return f"{undo.whose}: {_DONE[undo.act]}"
