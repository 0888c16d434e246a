"""Counting over a sliding window of event time: who was seen how often within the last ten minutes.

A window is cut into 60 slots, and an event belongs to the slot of its own time, so that what is counted follows
from the events alone and not from their arrival. An event stops counting between 59 and 60 slots later. Adding
costs the same whether ten or ten thousand are inside: every count is kept up to date as slots come and go, and
nothing is ever counted again from the beginning. One key that repeats itself costs one entry a slot, so that a
flood cannot push others out.
"""

from __future__ import annotations

import base64
import copy
import hashlib
from dataclasses import dataclass
from typing import Any, Self

import msgspec

from detectors.rule import Memory
from schemas.instant import DAY, HOUR

SLOTS = 60
"""Slots a window: ten seconds of ten minutes, which is finer than any threshold's meaning."""

MAX_ENTRIES = 700
"""Entries a tally holds: about 14 KB as stored. Every threshold lies below; past it the oldest slot leaves early, and
where one slot alone is that full, new items are no longer taken: the rule has fired by then."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a tally counts.

    Attributes:
        length_us: the window, microseconds.
        cap: an item seen at most this often is *light*: it was tried a few times and left alone.
    """

    length_us: int
    cap: int = 2**62

    @property
    def name(self) -> str:
        """What a memory keeps its tally under: apps of one realm that set a rule otherwise count apart."""
        return f"{self.length_us} {self.cap}"

    def slot(self, time_us: int) -> int:
        """Return the slot of an instant."""
        return time_us * SLOTS // self.length_us


class Tally(msgspec.Struct, gc=False):
    """How often each item was seen within a span; the span is given with each call, and always the same.

    Attributes:
        slots: slot number and the weight of each item in it, oldest first. All but the newest are never changed
            in place, so that copies share them.
        counts: the sum of each item inside the window.
        total: the sum of all.
        light, light_total: how many items are light, and their sum.
        entries: items over all slots.
        most: entries held.
    """

    slots: list[tuple[int, dict[str, int]]] = []
    counts: dict[str, int] = {}
    total: int = 0
    light: int = 0
    light_total: int = 0
    entries: int = 0
    most: int = MAX_ENTRIES

    def __copy__(self) -> Self:
        slots = self.slots.copy()
        if slots:
            number, weights = slots[-1]
            slots[-1] = (number, weights.copy())
        kept = (self.total, self.light, self.light_total, self.entries, self.most)
        return type(self)(slots, self.counts.copy(), *kept)

    def __len__(self) -> int:
        return len(self.counts)

    def add(self, span: Span, time_us: int, item: str, weight: int = 1) -> None:
        """Count an item. One older than the window that the newest event opened is left out."""
        number = span.slot(time_us)
        if not self.slots or number > self.slots[-1][0]:
            self._drop_until(span, number - SLOTS)
            self.slots.append((number, {}))
        elif number <= self.slots[-1][0] - SLOTS:
            return
        weights = self._open(number)
        if item in weights:
            weights[item] += weight
        elif self._make_room(span, number):
            weights[item] = weight
            self.entries += 1
        else:
            return
        self._change(span, item, weight)

    def advance(self, span: Span, time_us: int) -> None:
        """Let go of what is no longer inside the window at an instant."""
        self._drop_until(span, span.slot(time_us) - SLOTS)

    def forget(self, span: Span, item: str) -> bool:
        """Take an item out, as if it had never been seen; say whether it had."""
        count = self.counts.get(item)
        if count is None:
            return False
        for position, (number, weights) in enumerate(self.slots):
            if item in weights:
                self.slots[position] = (number, {name: weight for name, weight in weights.items() if name != item})
                self.entries -= 1
        self._change(span, item, -count)
        return True

    def _open(self, number: int) -> dict[str, int]:
        """Return the weights of a slot, to be changed; that of a late event may be closed or missing."""
        position = len(self.slots) - 1
        if self.slots[position][0] == number:
            return self.slots[position][1]
        while position >= 0 and self.slots[position][0] > number:
            position -= 1
        if position >= 0 and self.slots[position][0] == number:
            weights = self.slots[position][1].copy()
            self.slots[position] = (number, weights)
            return weights
        weights = {}
        self.slots.insert(position + 1, (number, weights))
        return weights

    def _make_room(self, span: Span, number: int) -> bool:
        while self.entries >= self.most and self.slots[0][0] < number:
            self._drop_oldest(span)
        return self.entries < self.most

    def _drop_until(self, span: Span, number: int) -> None:
        while self.slots and self.slots[0][0] <= number:
            self._drop_oldest(span)

    def _drop_oldest(self, span: Span) -> None:
        _, weights = self.slots.pop(0)
        self.entries -= len(weights)
        for item, weight in weights.items():
            self._change(span, item, -weight)

    def _change(self, span: Span, item: str, weight: int) -> None:
        before = self.counts.get(item, 0)
        now = before + weight
        if now:
            self.counts[item] = now
        else:
            del self.counts[item]
        self.total += weight
        if 0 < before <= span.cap:
            self.light -= 1
            self.light_total -= before
        if 0 < now <= span.cap:
            self.light += 1
            self.light_total += now


class GroupedTally(Tally, gc=False):
    """A tally of items that belong to groups: the first eight characters of an item name its group.

    Attributes:
        groups: how many light items each group has.
    """

    groups: dict[str, int] = {}

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied.groups = self.groups.copy()
        return copied

    def _change(self, span: Span, item: str, weight: int) -> None:
        before = 0 < self.counts.get(item, 0) <= span.cap
        super()._change(span, item, weight)
        change = (0 < self.counts.get(item, 0) <= span.cap) - before
        if change:
            group = item[:COMPACT]
            now = self.groups.get(group, 0) + change
            if now:
                self.groups[group] = now
            else:
                del self.groups[group]


COMPACT = 8
"""Characters of a compact name: 48 bits, of which a crowd of a thousand has two alike once in 500 million times."""


def compact(text: str) -> str:
    """Return a short name for a text that anybody may make long; equal texts have equal names."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=COMPACT * 6 // 8).digest()
    return base64.b64encode(digest).decode()


class WindowMemory(Memory):
    """A memory that holds tallies, dictionaries of them, and immutable values: its copy copies each."""

    def __copy__(self) -> Self:
        return type(self)(*(_copied(getattr(self, name)) for name in self.__struct_fields__))


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        # The values of one field are all of a kind, and most are plain: those are copied at once.
        if isinstance(next(iter(value.values()), None), msgspec.Struct):
            return {key: copy.copy(item) for key, item in value.items()}
        return value.copy()
    return copy.copy(value) if isinstance(value, msgspec.Struct) else value


class Rhythm(msgspec.Struct, gc=False):
    """How much of something an app sees an hour: the baseline that its own past makes.

    Attributes:
        hours: sums by hour number since the epoch, at most a week of them.
        first_hour, newest_hour: None of `hours` before anything was seen.
        usual: what an hour like the newest one holds, from the closed hours; None until enough are known.
    """

    hours: dict[int, int] = {}
    first_hour: int = 0
    newest_hour: int = 0
    usual: float | None = None

    def __copy__(self) -> Rhythm:
        return Rhythm(self.hours.copy(), self.first_hour, self.newest_hour, self.usual)

    def note(self, time_us: int, weight: int, *, learning_us: int, factor: float, least: int) -> None:
        """Take note of something seen.

        Args:
            time_us: when; what belongs to an hour already closed teaches nothing any more.
            weight: how much.
            learning_us: how long the past must be before it says anything.
            factor: an hour teaches at most this many times what was usual, so that an attack does not become
                the measure of the next one.
            least: what an hour may always teach.
        """
        hour = time_us // HOUR
        if hour > self.newest_hour:
            self._close(factor, least)
            self.first_hour = self.first_hour or hour
            self.newest_hour = hour
            self.usual = self._usual_at(hour, learning_us)
        if hour == self.newest_hour:
            self.hours[hour] = self.hours.get(hour, 0) + weight

    def _close(self, factor: float, least: int) -> None:
        closed = self.hours.get(self.newest_hour)
        if closed is not None and self.usual is not None:
            self.hours[self.newest_hour] = min(closed, max(least, round(factor * self.usual)))

    def _usual_at(self, hour: int, learning_us: int) -> float | None:
        """Return the higher of the mean hour and the mean of this hour on earlier days: mornings are busy."""
        for old in [known for known in self.hours if known < hour - _WEEK_HOURS]:
            del self.hours[old]
        observed = min(hour - self.first_hour, _WEEK_HOURS)
        if observed * HOUR < learning_us or observed == 0:
            return None
        mean = sum(self.hours.values()) / observed
        days = observed // _DAY_HOURS
        if not days:
            return mean
        alike = sum(self.hours.get(hour - day * _DAY_HOURS, 0) for day in range(1, days + 1)) / days
        return max(mean, alike)


_DAY_HOURS = DAY // HOUR
_WEEK_HOURS = 7 * _DAY_HOURS
