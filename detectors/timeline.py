"""Event time for one key: base, tail and head.

Time belongs to the key (decision 1). The *base* is the state of everything older than the bound of disorder,
the *tail* the events since, sorted by (event time, id), and the *head* is base plus tail. An event in order
goes to the head and may alert at once; one out of order inside the bound is sorted into the tail, which then
runs again from the base. An event older than that is still judged, marked late: only the promise of order ends.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator
from typing import Literal

from msgspec.structs import replace

from detectors.rule import RuleKey
from detectors.state import State
from schemas.alert import Alert, AlertChange
from schemas.event import Event
from schemas.signal import Signal

MAX_TAIL = 64
"""Events of one key that are kept sorted; the lateness ends the tail where it is smaller."""

MAX_FAMILY = 64
"""Sessions remembered of one chain of rotations."""

Item = Event | Signal
Entry = tuple[int, str, Item]
"""Event time, event or signal id, and the event or signal: the order in which a key's facts count."""

Fold = Callable[[State, Item, bool], None]
"""Applies an event or signal to a state; the last argument says that it is late for this key."""


def entry_of(item: Item) -> Entry:
    """Return an event or signal as it stands in a tail."""
    return (item.time_us, item.event_id if isinstance(item, Event) else item.signal_id, item)


def order_of(entry: Entry) -> tuple[int, str]:
    """Return what a tail is sorted by."""
    return entry[:2]


class Timeline:
    """The events of one key in event time.

    Args:
        kind: of the key.
        fold: applies an event or signal to a state.
        lateness_us: the bound of disorder.
    """

    __slots__ = (
        "base",
        "base_order",
        "decided_us",
        "fold",
        "head",
        "kind",
        "lateness_us",
        "newest_us",
        "published",
        "tail",
        "trimmed",
    )

    def __init__(self, kind: RuleKey, fold: Fold, lateness_us: int) -> None:
        self.kind = kind
        self.fold = fold
        self.lateness_us = lateness_us
        self.base = State()
        self.head = self.base
        self.tail: list[Entry] = []
        self.base_order: tuple[int, str] = (0, "")
        self.newest_us = 0
        # Until when stream time, not an event of this key, has decided pending hits.
        self.decided_us = 0
        self.published: dict[str, Alert] = {}
        # Sessions that had to leave their family since somebody last looked.
        self.trimmed: list[str] = []

    def take(self, item: Item, settled_us: int) -> bool:
        """Take in an event or signal wherever it belongs.

        Args:
            item: the event or signal.
            settled_us: stream time until which pending hits have been decided.

        Returns:
            whether it was late for this key.
        """
        entry = entry_of(item)
        order = order_of(entry)
        late = order <= self.base_order
        if late:
            self._take_late(item)
        elif self._follows(order):
            self._own_head()
            self.tail.append(entry)
            self.fold(self.head, item, False)
        else:
            insort(self.tail, entry, key=order_of)
            self.rebuild(settled_us)
        self.newest_us = max(self.newest_us, item.time_us)
        self._trim()
        return late

    def rebuild(self, settled_us: int) -> None:
        """Run the tail again from the base."""
        self.head = self.base.snapshot()
        for _, _, item in self.tail:
            self.fold(self.head, item, False)
        self._decide(settled_us)

    def absorb(self, other: Timeline, settled_us: int) -> None:
        """Take over another key's events: its sessions turn out to be of this family."""
        if self.head is self.base:
            self.base = self.base.snapshot()
        self.base.absorb(other.base.snapshot())
        self.tail = sorted([*self.tail, *other.tail], key=order_of)
        self.base_order = min(self.base_order, other.base_order)
        self.newest_us = max(self.newest_us, other.newest_us)
        self.published.update(other.published)
        self.rebuild(settled_us)
        self._trim()

    def settle(self, until_us: int) -> None:
        """Decide the pending hits that are due."""
        if self.head.pending:
            self._own_head()
            self._decide(until_us)

    def changes(self) -> Iterator[AlertChange]:
        """Yield how the alerts differ from those published, and take them as published."""
        alerts = self.head.alerts
        for identity, alert in alerts.items():
            before = self.published.get(identity)
            if before is alert or before == alert:
                continue
            self.published[identity] = alert
            yield AlertChange(_kind(before, alert), alert)
        if len(self.published) > len(alerts):
            for identity in [identity for identity in self.published if identity not in alerts]:
                yield AlertChange("withdrawn", replace(self.published.pop(identity), status="withdrawn"))

    def forget_alerts(self, before_us: int) -> None:
        """Drop alerts whose episode is long over: they are history, not withdrawn."""
        old = [key for key, alert in self.base.alerts.items() if alert.last_event_time_us < before_us]
        for identity in old:
            self.base.alerts.pop(identity)
            self.head.alerts.pop(identity, None)
            self.published.pop(identity, None)

    def members(self) -> set[str]:
        """Return the session ids of this family, those in the tail included."""
        waiting = {item.session_id or "" for _, _, item in self.tail}
        return waiting.union(self.head.contexts, self.base.contexts)

    def _follows(self, order: tuple[int, str]) -> bool:
        """Say whether the head can go on; else the tail runs again, since this may undo what was decided."""
        return order[0] >= self.decided_us and (not self.tail or order > order_of(self.tail[-1]))

    def _decide(self, until_us: int) -> None:
        if self.head.settle(until_us):
            self.decided_us = until_us

    def _own_head(self) -> None:
        # At rest base and head are one object: most keys never hear of disorder.
        if self.head is self.base:
            self.head = self.base.snapshot()

    def _take_late(self, item: Item) -> None:
        self._own_head()
        self.fold(self.base, item, True)
        self.fold(self.head, item, True)

    def _trim(self) -> None:
        bound_us = self.newest_us - self.lateness_us
        surplus = len(self.tail) - MAX_TAIL
        done = 0
        for entry in self.tail:
            if done >= surplus and entry[0] >= bound_us:
                break
            self.fold(self.base, entry[2], False)
            self.base_order = max(self.base_order, order_of(entry))
            done += 1
        if done:
            del self.tail[:done]
            self._trim_family()
            if self.kind != "session" and self.base.alerts:
                self.forget_alerts(self.base_order[0] - _ALERT_MEMORY_US)

    def _trim_family(self) -> None:
        contexts = self.base.contexts
        while len(contexts) > MAX_FAMILY:
            oldest = min(contexts, key=lambda member: contexts[member].last_us)
            for state in (self.base, self.head):
                state.forget(oldest)
            self.trimmed.append(oldest)


_ALERT_MEMORY_US = 24 * 3_600 * 1_000_000


def _kind(before: Alert | None, alert: Alert) -> Literal["raised", "escalated", "updated"]:
    if before is None:
        return "raised"
    return "escalated" if alert.severity.rank > before.severity.rank else "updated"
