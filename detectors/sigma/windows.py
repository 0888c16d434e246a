"""What correlations remember of one key, and the bound on it."""

from __future__ import annotations

from bisect import insort
from operator import attrgetter

import msgspec

from detectors.rule import Memory

MAX_BYTES = 56 * 1_024
"""What a rule may remember of one key, as stored, shared by its parts. Where it bites, the groups inside the key that
were silent longest go."""

NAMED = 20
"""Events of a window, the newest, that are known by their ids, for the evidence."""

# As msgpack: an entry without and with its event id, the name of a group or a value, and what stands around a group.
_ENTRY, _EVENT_ID, _NAME, _GROUP = 16, 37, 34, 16


class Entry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An event that counted.

    Attributes:
        weight: how many it stands for.
        value: what a `value_count` counts, or which part of a temporal correlation it met.
    """

    time_us: int
    event_id: str
    weight: int = 1
    value: str = ""

    @property
    def order(self) -> tuple[int, str]:
        """By event time, then id, as everywhere."""
        return self.time_us, self.event_id


def groups_within(most_bytes: int, entries: int, *, valued: bool, named: int = NAMED) -> int:
    """Return how many groups of so many entries fit.

    Args:
        most_bytes: as stored.
        entries: the most of one group.
        valued: whether each holds a value.
        named: how many of them keep their event id.
    """
    a_group = _GROUP + _NAME + entries * (_ENTRY + _NAME * valued) + min(entries, named) * _EVENT_ID
    return most_bytes // a_group


class Window(msgspec.Struct, gc=False, array_like=True):
    """The remembered events of one group, oldest first.

    Attributes:
        total: the sum of their weights.
    """

    entries: list[Entry] = []
    total: int = 0

    @property
    def newest_us(self) -> int:
        """Time of the newest entry."""
        return self.entries[-1].time_us if self.entries else 0

    def add(self, entry: Entry) -> None:
        """Put an entry where its time belongs."""
        if not self.entries or entry.order > self.entries[-1].order:
            self.entries.append(entry)
        else:
            insort(self.entries, entry, key=attrgetter("order"))
        self.total += entry.weight

    def forget_names(self) -> None:
        """Forget the ids of all but the newest entries: evidence has no room for more."""
        position = len(self.entries) - NAMED - 1
        if position >= 0 and self.entries[position].event_id:
            entry = self.entries[position]
            self.entries[position] = Entry(entry.time_us, "", entry.weight, entry.value)

    def remove(self, position: int) -> None:
        """Take an entry out."""
        self.total -= self.entries.pop(position).weight

    def forget(self, before_us: int) -> None:
        """Drop what is older than an instant."""
        while self.entries and self.entries[0].time_us < before_us:
            self.remove(0)


class Windows(Memory):
    """The windows of all parts of a correlation, by part and group; the group touched last stands last."""

    parts: dict[str, dict[str, Window]] = msgspec.field(default_factory=dict)

    def __copy__(self) -> Windows:
        return Windows(
            {
                part: {group: Window(list(window.entries), window.total) for group, window in groups.items()}
                for part, groups in self.parts.items()
            }
        )

    def window(self, part: str, group: str) -> Window:
        """Return the window of a group as the one touched last; a new one where there is none."""
        groups = self.parts.setdefault(part, {})
        window = groups.pop(group, None) or Window()
        groups[group] = window
        return window

    def tidy(self, part: str, oldest_us: int, most: int) -> None:
        """Drop the groups of a part that nothing can ask about any more, and those above a bound.

        Args:
            part: of the correlation.
            oldest_us: what is older matters no more.
            most: groups to keep.
        """
        groups = self.parts.get(part, {})
        while groups:
            stalest = next(iter(groups))
            if len(groups) <= most and groups[stalest].newest_us >= oldest_us:
                return
            del groups[stalest]
        self.parts.pop(part, None)
