"""How the pipeline is doing right now, as its own thread last said."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ingest.batch import Batch
from schemas.instant import MINUTE, SECOND

WINDOW_US = MINUTE


@dataclass(frozen=True, slots=True)
class Beat:
    """A moment of the pipeline; instants are microseconds since the epoch.

    Attributes:
        behind: records not yet read.
        problems: why it is not live, without personal data.
    """

    now_us: int
    started_us: int
    newest_event_us: int | None
    newest_arrival_us: int | None
    behind: int
    events_per_s: float
    problems: tuple[str, ...]


class Pulse:
    """Told by the pipeline's thread, asked by those that answer requests.

    Args:
        clock: microseconds since the epoch.
        problems: why it is not live.
        newest_us: event time and arrival of the newest event that an earlier run has stored.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        problems: Callable[[], Sequence[str]],
        newest_us: tuple[int | None, int | None] = (None, None),
    ) -> None:
        self._clock = clock
        self._problems = problems
        self._started_us = clock()
        self._newest_event_us, self._newest_arrival_us = newest_us
        self._behind = 0
        self._batches: deque[tuple[int, int]] = deque()

    def committed(self, batch: Batch, lag: Mapping[int, int]) -> None:
        """Take note of a batch; in the pipeline's thread."""
        self._behind = sum(lag.values())
        if not batch.events:
            return
        newest_us = max(event.time_us for event in batch.events)
        self._newest_event_us = max(newest_us, self._newest_event_us or 0)
        self._newest_arrival_us = batch.arrival_us
        self._batches.append((batch.arrival_us, len(batch.events)))
        while self._batches and self._batches[0][0] < batch.arrival_us - WINDOW_US:
            self._batches.popleft()

    def beat(self) -> Beat:
        """Return how it is now; from any thread."""
        now_us = self._clock()
        recent = sum(events for at_us, events in tuple(self._batches) if at_us >= now_us - WINDOW_US)
        window_us = min(WINDOW_US, max(SECOND, now_us - self._started_us))
        return Beat(
            now_us,
            self._started_us,
            self._newest_event_us,
            self._newest_arrival_us,
            self._behind,
            recent * SECOND / window_us,
            tuple(self._problems()),
        )
