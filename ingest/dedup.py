"""Deduplication: an event counts once, whoever sent it twice and however often; so does what was refused.

Identity is (event_id, event_time). Equal means the same event; the same id with another time is refused as a
conflict where it is met: inside the batch, in the event-time hours that the batch touches, and in memory for
the last few minutes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping

from schemas.event import Event
from schemas.instant import MINUTE
from schemas.refusal import Reason, Refused
from store.rows import DeadLetter, LetterKey

MEMORY_US = 3 * MINUTE
MEMORY_BOUND = 1_000_000
MEMORY_FLOOR = 100_000
"""Ids that are kept whatever their time, so that one event dated far ahead does not empty the memory."""

Known = Callable[[list[Event]], Mapping[str, int]]
"""Looks up which of the events' ids are stored, with their event time in microseconds."""

KnownLetters = Callable[[list[DeadLetter]], Collection[LetterKey]]
"""Looks up which dead letters are stored."""


class Dedup:
    """Takes duplicates and conflicts out of a batch.

    Args:
        known: the look-up in the store; without one (a file replay) the memory alone decides.
        memory_us: how long ids stay in memory, measured on the newest event time seen.
        known_letters: the look-up of dead letters in the store.
    """

    def __init__(
        self, known: Known | None = None, memory_us: int = MEMORY_US, *, known_letters: KnownLetters | None = None
    ) -> None:
        self._known = known
        self._known_letters = known_letters
        self._memory_us = memory_us
        self._recent: OrderedDict[str, int] = OrderedDict()
        self._newest_us = 0

    def remember(self, known: Iterable[tuple[str, int]]) -> None:
        """Take up what was seen before a restart: event ids and their times, oldest first."""
        self._recent.update(known)

    def unique(self, events: list[Event]) -> tuple[list[Event], list[tuple[Event, Refused]], int]:
        """Return the new events in their order, the conflicts, and how many duplicates there were."""
        stored: Mapping[str, int] = {}
        if self._known is not None:
            unknown = [event for event in events if event.event_id not in self._recent]
            stored = self._known(unknown) if unknown else {}
        fresh: list[Event] = []
        conflicts: list[tuple[Event, Refused]] = []
        duplicates = 0
        for event in events:
            time_us = self._recent.get(event.event_id, stored.get(event.event_id))
            if time_us is None:
                self._recent[event.event_id] = event.time_us
                fresh.append(event)
            elif time_us == event.time_us:
                duplicates += 1
            else:
                refused = Refused(Reason.ID_CONFLICT, "event_id", "known with another event_time")
                conflicts.append((event, refused))
            self._newest_us = max(self._newest_us, event.time_us)
        self._forget()
        return fresh, conflicts, duplicates

    def unique_letters(self, letters: list[DeadLetter]) -> list[DeadLetter]:
        """Return the dead letters that are new: where offsets were lost, records are read again."""
        if not letters or self._known_letters is None:
            return letters
        known = self._known_letters(letters)
        return [letter for letter in letters if letter.key not in known] if known else letters

    def _forget(self) -> None:
        # Insertion order is near to time order; what is a little out of place only stays a little longer.
        before_us = self._newest_us - self._memory_us
        recent = self._recent
        while len(recent) > MEMORY_FLOOR:
            event_id, time_us = next(iter(recent.items()))
            if time_us >= before_us and len(recent) <= MEMORY_BOUND:
                break
            del recent[event_id]
