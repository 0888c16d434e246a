"""`temporal` and `temporal_ordered`: several things within one span of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from operator import attrgetter

from detectors.sigma.part import Completion, Label, Part, completed_by, types_of
from detectors.sigma.windows import Entry, Window, Windows
from schemas.event import Event

Inner = tuple[Part, Label]
"""A part with the label that names its group: an alias may name another field for each."""

MAX_PARTS = 10
"""Of one temporal correlation; an ordered one remembers up to half the square of it a group."""


class Together(Part):
    """What both share.

    Args:
        name: of the part, by which memory knows it.
        inner: what must happen.
        span_us: from the first of them to the last.
        groups: how many groups of a key are remembered.
        words: what a completion means.
    """

    def __init__(self, name: str, inner: tuple[Inner, ...], span_us: int, groups: int, words: str) -> None:
        self.words = words
        self._name = name
        self._inner = inner
        self._parts = tuple(part for part, _ in inner)
        self._span_us = span_us
        self._groups = groups

    def event_types(self) -> frozenset[str]:
        """Return the types of all that must happen."""
        return types_of(self._parts)

    def _completed(self, event: Event, memory: Windows) -> Iterator[tuple[str, list[int]]]:
        """Yield, by group, the positions of the parts that an event completes."""
        completed: dict[str, list[int]] = {}
        # Every part must see every event, whatever the others say.
        for position, (part, label) in enumerate(self._inner):
            if part.take(event, memory) is not None and (group := label(event)) is not None:
                completed.setdefault(group, []).append(position)
        yield from completed.items()

    def _tidy(self, event: Event, memory: Windows) -> None:
        memory.tidy(self._name, event.time_us - self._span_us, self._groups)


class Temporal(Together):
    """All of some parts, or as many as a condition asks, in any order.

    Args:
        satisfied: whether the parts seen, by position, are enough.
    """

    def __init__(
        self,
        name: str,
        inner: tuple[Inner, ...],
        span_us: int,
        groups: int,
        words: str,
        satisfied: Callable[[frozenset[int]], bool],
    ) -> None:
        super().__init__(name, inner, span_us, groups, words)
        self._satisfied = satisfied

    def completing_types(self) -> frozenset[str]:
        """Return the types of all parts: any of them may come last."""
        return completed_by(self._parts)

    def take(self, event: Event, memory: Windows) -> Completion | None:
        """Note which parts an event completes; the latest of each is enough."""
        completion = None
        for group, positions in self._completed(event, memory):
            window = memory.window(self._name, group)
            for position in positions:
                _renew(window, Entry(event.time_us, event.event_id, 1, str(position)))
            near = self._near(window, event.time_us)
            if completion is None and self._satisfied(frozenset(int(one.value) for one in near)):
                completion = Completion(group, _others(near, event))
            window.forget(window.newest_us - self._span_us)
        self._tidy(event, memory)
        return completion

    def _near(self, window: Window, time_us: int) -> list[Entry]:
        """Return the entries of the latest window that holds an instant."""
        end = max((one.time_us for one in window.entries if one.time_us <= time_us + self._span_us), default=time_us)
        return [one for one in window.entries if end - self._span_us <= one.time_us <= end]


class Ordered(Together):
    """All of some parts, one after the other, the last of which completes it.

    Remembered is, for each beginning of the list, the latest chain of events that meets it: a chain that began
    earlier can never be in time where that one is not.
    """

    def completing_types(self) -> frozenset[str]:
        """Return the types of the last part."""
        return completed_by(self._parts[-1:])

    def take(self, event: Event, memory: Windows) -> Completion | None:
        """Lengthen the chains that an event continues."""
        completion = None
        last = len(self._inner) - 1
        for group, positions in self._completed(event, memory):
            window = memory.window(self._name, group)
            chains = _chains(window)
            grown = {position: self._grown(chains, position, event) for position in positions}
            for position, chain in grown.items():
                if chain and (position not in chains or chain[0].order >= chains[position][0].order):
                    chains[position] = chain
            if completion is None and (whole := grown.get(last)):
                completion = Completion(group, _others(whole, event))
            _store(window, chains, event.time_us - self._span_us)
        self._tidy(event, memory)
        return completion

    def _grown(self, chains: dict[int, list[Entry]], position: int, event: Event) -> list[Entry]:
        """Return the chain that ends with this event as the part at a position, empty where it continues none."""
        entry = Entry(event.time_us, event.event_id, 1, str(position))
        if position == 0:
            return [entry]
        before = chains.get(position - 1)
        if not before or before[-1].order >= entry.order or event.time_us - before[0].time_us > self._span_us:
            return []
        return [*(Entry(one.time_us, one.event_id, 1, entry.value) for one in before), entry]


def _renew(window: Window, entry: Entry) -> None:
    for position, one in enumerate(window.entries):
        if one.value == entry.value:
            if one.order >= entry.order:
                return
            window.remove(position)
            break
    window.add(entry)


def _chains(window: Window) -> dict[int, list[Entry]]:
    return {int(value): list(chain) for value, chain in groupby(window.entries, key=attrgetter("value"))}


def _store(window: Window, chains: dict[int, list[Entry]], oldest_us: int) -> None:
    """Keep the chains that can still be continued, one after the other."""
    kept = [chain for _, chain in sorted(chains.items()) if chain[0].time_us >= oldest_us]
    # By their own order, not by time: the newest of all stands last, since tidying asks for it.
    kept.sort(key=lambda chain: chain[-1].order)
    window.entries = [entry for chain in kept for entry in chain]
    window.total = len(window.entries)


def _others(entries: list[Entry], event: Event) -> tuple[Entry, ...]:
    earlier = {one.event_id: one for one in entries if one.event_id != event.event_id}
    return tuple(sorted(earlier.values(), key=attrgetter("order")))
