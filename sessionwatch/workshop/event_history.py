"""A file of events as history: for a backtest where nothing is stored yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from ingest.dedup import Dedup
from ingest.enrich import Enricher
from schemas.event import Event
from schemas.refusal import Refused
from sessionwatch.commands.event_file import Refusals, event_lines, read_event
from sessionwatch.config import Settings
from sessionwatch.config.parts import declared_apps, known_places
from sessionwatch.workshop.history import CHUNK, History, Item


def file_history(file: Path, settings: Settings) -> History:
    """Return the events of a file as if they had been stored.

    Raises:
        CommandError: it cannot be read.
    """

    def history(since_us: int) -> Iterator[Item]:
        dedup, enricher = Dedup(), Enricher(known_places(settings), declared_apps(settings))
        with event_lines(file) as lines:
            events = _decoded(lines)
            while chunk := list(islice(events, CHUNK)):
                fresh, _, _ = dedup.unique(chunk)
                enricher.enrich(fresh)
                yield from (event for event in fresh if event.time_us >= since_us)

    return history


def _decoded(lines: Iterable[bytes]) -> Iterator[Event]:
    refusals = Refusals()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event, _ = read_event(line)
        except Refused as refused:
            refusals.add(number, refused)
            continue
        event.arrival_us = event.time_us
        yield event
    refusals.finish()
