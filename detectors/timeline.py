"""Event time for one key: base, tail and head.

Time belongs to the key (decision 1). The *base* is the state of everything older than the bound of disorder,
the *tail* the events since, sorted by (event time, id), and the *head* is base plus tail. An event in order
goes to the head and may alert at once; one out of order inside the bound is sorted into the tail, which then
runs again from the base. An event older than that is still judged, marked late: only the promise of order ends.

So that an event in order is folded once, the base does not follow event by event. A copy of the head, the
*middle*, is taken now and then; when it has become older than the bound it is the new base.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from msgspec.structs import replace

from detectors.context import UserContext
from detectors.profile import DayFacts, profile_of
from detectors.rule import RuleKey
from detectors.state import State
from schemas.alert import Alert, AlertChange
from schemas.event import Event
from schemas.signal import Signal

MAX_TAIL = 64
"""Events of one key that can be sorted at least; the lateness ends the tail where it is smaller."""

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
        "awake",
        "base",
        "base_order",
        "decided_us",
        "dirty",
        "finished",
        "fold",
        "head",
        "informed",
        "kind",
        "lateness_us",
        "middle",
        "middle_at",
        "newest_us",
        "published",
        "tail",
        "trimmed",
        "trusted",
    )

    def __init__(self, kind: RuleKey, fold: Fold, lateness_us: int) -> None:
        self.kind = kind
        self.fold = fold
        self.lateness_us = lateness_us
        self.base = State()
        # At rest all three are one object: most keys never hear of disorder.
        self.middle = self.base
        self.head = self.base
        # How much of the tail the middle holds.
        self.middle_at = 0
        self.tail: list[Entry] = _EMPTY
        self.base_order: tuple[int, str] = (0, "")
        self.newest_us = 0
        # Until when stream time, not an event of this key, has decided pending hits.
        self.decided_us = 0
        self.published: dict[str, Alert] = {}
        # Sessions that had to leave their family since somebody last looked.
        self.trimmed: tuple[str, ...] = ()
        # Days of a user that came to their end in the base, likewise; and whether earlier ones were looked up.
        self.finished: tuple[DayFacts, ...] = ()
        self.informed = False
        # Whether it has changed since the last snapshot, and whether its tail has yet to come to rest.
        self.dirty = False
        self.awake = False
        # Whether an authenticated event has made it, see `Pool`.
        self.trusted = False

    def take(self, item: Item, settled_us: int) -> bool:
        """Take in an event or signal wherever it belongs.

        Args:
            item: the event or signal.
            settled_us: stream time until which pending hits have been decided.

        Returns:
            whether it was late for this key.
        """
        entry = entry_of(item)
        order = entry[:2]
        if order[0] < self.newest_us - self.lateness_us or order <= self.base_order:
            self._take_late(item)
            return True
        if order[0] >= self.decided_us and (not self.tail or order > self.tail[-1][:2]):
            if order[0] > self.newest_us:
                self._advance(order[0])
            self.own_head()
            if self.tail:
                self.tail.append(entry)
            else:
                self.tail = [entry]
            self.fold(self.head, item, False)
        else:
            self._insert(entry, settled_us)
        return False

    def can_go_on(self, order: tuple[int, str]) -> bool:
        """Say whether an event of this order only has to be appended: nothing runs again, nothing moves."""
        tail = self.tail
        # Two facts against three: where both are equal the shorter is the less.
        if not tail or self.head is self.middle or order <= tail[-1] or order[0] < self.decided_us:
            return False
        at = self.middle_at
        return len(tail) - at < MAX_TAIL and order[0] - tail[at - 1 if at else 0][0] <= self.lateness_us

    def go_on(self, entry: Entry) -> None:
        """Append an event that the head has taken in already."""
        self.tail.append(entry)
        self.newest_us = entry[0]

    def rebuild(self, settled_us: int) -> None:
        """Run the tail again from the base."""
        self.middle = self.base.snapshot() if self.middle_at else self.base
        for _, _, item in self.tail[: self.middle_at]:
            self.fold(self.middle, item, False)
        self._rebuild_head(settled_us)

    def absorb(self, other: Timeline, settled_us: int) -> None:
        """Take over another key's events: its sessions turn out to be of this family."""
        self.base.absorb(other.base.snapshot())
        self.tail = sorted([*self.tail, *other.tail], key=order_of)
        self.middle_at = 0
        self.base_order = min(self.base_order, other.base_order)
        self.newest_us = max(self.newest_us, other.newest_us)
        self.published.update(other.published)
        self.rebuild(settled_us)

    def settle(self, until_us: int) -> None:
        """Decide the pending hits that are due."""
        if self.head.pending:
            self.own_head()
            self._decide(until_us)

    def rest(self) -> None:
        """Let the base take in the whole tail: stream time says that nothing in order will come any more."""
        if not self.tail:
            return
        self.base_order = self.tail[-1][:2]
        self.tail = _EMPTY
        self.middle_at = 0
        self.base = self.middle = self.head
        self._tidy()
        self.base.rest()

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
        """Drop alerts whose episode is long over, once they are told: they are history, not withdrawn."""
        old = [
            key
            for key, alert in self.head.alerts.items()
            if alert.last_event_time_us < before_us and self.published.get(key) == alert
        ]
        for identity in old:
            for state in (self.base, self.middle, self.head):
                state.alerts.pop(identity, None)
            self.published.pop(identity, None)

    def members(self) -> set[str]:
        """Return the session ids of this family, those in the tail included."""
        waiting = {item.session_id or "" for _, _, item in self.tail}
        return waiting.union(self.head.contexts, self.base.contexts)

    def inform(self, user: UserContext, days: Iterable[DayFacts], day: int) -> None:
        """Take in what is known of a user's days; what is in the tail must be run again after that.

        Args:
            user: an empty context, for a user of whom nothing is in memory.
            days: those finished, in any order.
            day: of the user's next event, in days since the epoch; where one is open already, that counts.
        """
        context = self.base.contexts.setdefault("", user)
        if isinstance(context, UserContext):
            context.recall(profile_of([*days, *context.finished], context.day if context.day >= 0 else day))
        self.informed = True

    def last_days(self) -> tuple[DayFacts, ...]:
        """Return the days of a user that nobody has taken yet, the open one among them: the key is to be dropped."""
        self.rest()
        context = self.base.contexts.get("")
        if isinstance(context, UserContext):
            context.begin_day(context.day + 1)
            self._hand_over()
        return self.finished

    def remains(self) -> Timeline:
        """Return a timeline that knows of this one's alerts, as they were told, and of nothing else."""
        rest = Timeline(self.kind, self.fold, self.lateness_us)
        rest.base.alerts = dict(self.published)
        rest.published = dict(self.published)
        rest.base_order = self.tail[-1][:2] if self.tail else self.base_order
        rest.newest_us = self.newest_us
        return rest

    def own_head(self) -> None:
        """Make sure that folding into the head touches neither middle nor base."""
        if self.head is self.middle:
            self.head = self.middle.snapshot()

    def _take_late(self, item: Item) -> None:
        # One object may stand for several.
        for state in {id(state): state for state in (self.base, self.middle, self.head)}.values():
            state.wake()
            self.fold(state, item, True)

    def _insert(self, entry: Entry, settled_us: int) -> None:
        """Sort an event in, and run again what comes after it."""
        place = bisect_left(self.tail, entry[:2], key=order_of)
        self.tail = [*self.tail[:place], entry, *self.tail[place:]]
        self.newest_us = max(self.newest_us, entry[0])
        if place < self.middle_at:
            self.middle_at += 1
            self.rebuild(settled_us)
        else:
            self._rebuild_head(settled_us)

    def _rebuild_head(self, settled_us: int) -> None:
        self.head = self.middle
        since = self.tail[self.middle_at :]
        if since or self.head.pending:
            self.own_head()
        for _, _, item in since:
            self.fold(self.head, item, False)
        self._decide(settled_us)

    def _advance(self, time_us: int) -> None:
        """Let base and middle follow to where an event of this time puts the bound of disorder."""
        bound_us = time_us - self.lateness_us
        tail = self.tail
        if tail and (self.newest_us < bound_us):
            self.rest()
        elif tail and (len(tail) - self.middle_at >= MAX_TAIL or self._middle_us() < bound_us):
            if self.middle_at:
                self.base_order = tail[self.middle_at - 1][:2]
                del tail[: self.middle_at]
                self.base = self.middle
                self._tidy()
            self.middle, self.middle_at = self.head, len(tail)
        self.newest_us = time_us

    def _middle_us(self) -> int:
        return self.tail[self.middle_at - 1][0] if self.middle_at else self.tail[0][0]

    def _decide(self, until_us: int) -> None:
        if self.head.settle(until_us):
            self.decided_us = until_us

    def _tidy(self) -> None:
        """Bound what the base keeps."""
        contexts = self.base.contexts
        while len(contexts) > MAX_FAMILY:
            oldest = min(contexts, key=lambda member: contexts[member].last_us)
            for state in (self.base, self.middle, self.head):
                state.forget(oldest)
            self.trimmed += (oldest,)
        if self.kind == "user":
            self._hand_over()
        if self.kind != "session" and self.base.alerts:
            self.forget_alerts(self.base_order[0] - _ALERT_MEMORY_US)

    def _hand_over(self) -> None:
        """Let go of the days that are over for the base: nothing in order can change them any more."""
        context = self.base.contexts.get("")
        if isinstance(context, UserContext) and context.finished:
            self.finished += context.finished
            until = context.finished[-1].day
            for state in (self.base, self.middle, self.head):
                known = state.contexts.get("")
                if isinstance(known, UserContext):
                    known.hand_over(until)


_EMPTY: list[Entry] = []
"""The tail of every key at rest; never changed in place."""

_ALERT_MEMORY_US = 24 * 3_600 * 1_000_000


def _kind(before: Alert | None, alert: Alert) -> Literal["raised", "escalated", "updated"]:
    if before is None:
        return "raised"
    return "escalated" if alert.severity.rank > before.severity.rank else "updated"
