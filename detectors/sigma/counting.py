"""`event_count` and `value_count`: how many, in a window that slides or in one that is judged at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from detectors.sigma.part import Completion, EventPart, Label, Part, completed_by, types_of
from detectors.sigma.windows import NAMED, Entry, Window, Windows
from schemas.event import Event


@dataclass(frozen=True, slots=True)
class Count:
    """What is counted, and when it is enough.

    Attributes:
        name: of the part, by which memory knows it.
        inner: what is counted; an event that completes several of them counts once.
        label: names the group.
        value: names what is counted, None = the events themselves, each as often as its `count` says.
        span_us: length of the window.
        number: the threshold.
        groups: how many groups of a key are remembered.
        words: what a completion means.
    """

    name: str
    inner: tuple[Part, ...]
    label: Label
    value: Label | None
    span_us: int
    number: int
    groups: int
    words: str


class Counting(Part):
    """What all counts share."""

    def __init__(self, count: Count) -> None:
        self.words = count.words
        self._name = count.name
        self._inner = count.inner
        self._label = count.label
        self._value = count.value
        self._span_us = count.span_us
        self._number = count.number
        self._groups = count.groups

    def event_types(self) -> frozenset[str]:
        """Return the types of what is counted."""
        return types_of(self._inner)

    def completing_types(self) -> frozenset[str]:
        """Return the types of the events of which one reaches the number."""
        return completed_by(self._inner)

    def _counted(self, event: Event, memory: Windows) -> tuple[str, Entry] | None:
        """Return the group and the entry of an event that counts."""
        # Every part must see every event, whatever the others say.
        completed = [inner for inner in self._inner if inner.take(event, memory) is not None]
        if not completed:
            return None
        group = self._label(event)
        if group is None:
            return None
        if self._value is not None:
            value = self._value(event)
            return None if value is None else (group, Entry(event.time_us, event.event_id, 1, value))
        weight = event.count if any(isinstance(inner, EventPart) for inner in completed) else 1
        return group, Entry(event.time_us, event.event_id, weight)


class AtLeast(Counting):
    """So many within the time before an event, that event included; each further one completes it again."""

    def take(self, event: Event, memory: Windows) -> Completion | None:
        """Count an event."""
        counted = self._counted(event, memory)
        if counted is None:
            return None
        group, entry = counted
        window = memory.window(self._name, group)
        reached = self._add(window, entry) and self._reached(window, entry)
        earlier = tuple(one for one in window.entries[-NAMED:] if one is not entry) if reached else ()
        memory.tidy(self._name, entry.time_us - self._span_us, self._groups)
        return Completion(group, earlier) if reached else None

    def _add(self, window: Window, entry: Entry) -> bool:
        """Take an entry into its window; say whether it is in it."""
        if entry.time_us < window.newest_us - self._span_us:
            # Older than anything the window still knows: what belonged to it is gone.
            return False
        if self._value is not None:
            known = next((position for position, one in enumerate(window.entries) if one.value == entry.value), None)
            if known is not None:
                if window.entries[known].order > entry.order:
                    return False
                window.remove(known)
        window.add(entry)
        window.forget_names()
        window.forget(window.newest_us - self._span_us)
        while window.total - window.entries[0].weight >= self._number:
            # The newest suffice to say that there are enough.
            window.remove(0)
        return True

    def _reached(self, window: Window, entry: Entry) -> bool:
        entries = window.entries
        if entries[-1] is entry:
            return window.total >= self._number
        # Told late: any window that holds it may now be full.
        ends = [one.time_us for one in entries if 0 <= one.time_us - entry.time_us <= self._span_us]
        return any(
            sum(one.weight for one in entries if end - self._span_us <= one.time_us <= end) >= self._number
            for end in ends
        )


EndCondition = Literal["fewer", "exactly"]


class AtEnd(Counting):
    """Fewer than a number, or exactly so many, within the time from the first event of a window to its end.

    A window begins with the first event after the last one ended. What holds may be undone until the end, so its
    completion settles for the length of the window.
    """

    def __init__(self, count: Count, condition: EndCondition) -> None:
        super().__init__(count)
        self.settle_us = count.span_us
        self._condition = condition

    def take(self, event: Event, memory: Windows) -> Completion | None:
        """Count an event."""
        counted = self._counted(event, memory)
        if counted is None:
            return None
        group, entry = counted
        window = memory.window(self._name, group)
        before = self._count(window, entry)
        held = before > 0 and self._holds(before)
        holds = self._holds(window.total)
        earlier = tuple(window.entries[-NAMED:-1]) if holds else ()
        opened_us = window.entries[0].time_us
        memory.tidy(self._name, entry.time_us - self._span_us, self._groups)
        if held == holds:
            return None
        return Completion(group, earlier, opened_us, undone=held)

    def _count(self, window: Window, entry: Entry) -> int:
        """Count an entry in its window, or begin a new one; return how many there were before."""
        if not window.entries or entry.time_us > window.entries[0].time_us + self._span_us:
            window.entries, window.total = [], 0
        before = window.total
        if window.entries and entry.time_us < window.entries[0].time_us:
            # Told late, and from before the window: it belongs to one that is over.
            return before
        known = self._value is not None and any(one.value == entry.value for one in window.entries)
        if not known and before <= self._number:
            window.add(entry)
            window.forget_names()
        return before

    def _holds(self, total: int) -> bool:
        return total < self._number if self._condition == "fewer" else total == self._number
