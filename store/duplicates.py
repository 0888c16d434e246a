"""Which events and dead letters of a batch are stored already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from schemas.event import Event
from schemas.instant import HOUR
from store.reading import Reading
from store.rows import DeadLetter, LetterKey

MAX_SPANS = 4
"""Queries for one batch. One from a shuffled file touches any number of hours: nearby ones are joined."""

STORED_AMONG = """
SELECT event_id::VARCHAR, epoch_us(event_time) FROM events
WHERE event_time >= make_timestamp($since) AND event_time < make_timestamp($until)
AND event_id IN (SELECT unnest($ids::UUID[]))
"""

LETTERS_AMONG = """
SELECT topic, kafka_partition, kafka_offset, reason, sha256 FROM dead_letters
WHERE kafka_offset >= $first AND kafka_offset <= $last AND kafka_partition = $partition AND topic = $topic
"""


class Duplicates(Reading):
    """The look-up of the dedup stage."""

    def known_letters(self, letters: Sequence[DeadLetter]) -> set[LetterKey]:
        """Return which dead letters are stored, among the offsets of these."""
        offsets: dict[tuple[str, int], list[int]] = defaultdict(list)
        for letter in letters:
            offsets[letter.topic, letter.partition].append(letter.offset)
        return {
            LetterKey(*row)
            for (topic, partition), some in offsets.items()
            for row in self._rows(
                LETTERS_AMONG, {"topic": topic, "partition": partition, "first": min(some), "last": max(some)}
            )
        }

    def known(self, events: Sequence[Event]) -> dict[str, int]:
        """Return which of these ids are stored, with the event time of the stored one in microseconds.

        Looked up in the event-time hours that occur among the events. An id that comes back with the event's
        own time is a duplicate, with another a conflict; where both are stored, the event's own comes back.
        """
        times = {event.event_id: event.time_us for event in events}
        hours = {event.time_us // HOUR for event in events}
        stored: dict[str, int] = {}
        for first, last in _spans(hours):
            between = {"since": first * HOUR, "until": (last + 1) * HOUR, "ids": list(times)}
            for event_id, time_us in self._rows(STORED_AMONG, between):
                if time_us // HOUR in hours and stored.get(event_id) != times[event_id]:
                    stored[event_id] = time_us
        return stored


def _spans(hours: Iterable[int]) -> list[tuple[int, int]]:
    """Return at most `MAX_SPANS` ranges that cover the hours, split at the widest gaps."""
    ordered = sorted(hours)
    gaps = sorted(range(1, len(ordered)), key=lambda place: ordered[place - 1] - ordered[place])
    cuts = sorted(place for place in gaps[: MAX_SPANS - 1] if ordered[place] - ordered[place - 1] > 1)
    edges = [0, *cuts, len(ordered)]
    return [(ordered[start], ordered[end - 1]) for start, end in pairwise(edges) if end > start]
