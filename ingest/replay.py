"""Replay of a file: the same stages and rules, no Kafka and no database."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import merge
from pathlib import Path
from typing import BinaryIO, cast

from detectors.engine import Engine
from detectors.findings.stage import Detection
from detectors.plan import Plan
from detectors.remembered import RememberedDays, inform
from ingest.decode import decode_event
from ingest.dedup import Dedup
from ingest.enrich import Enricher
from ingest.flags import flags
from ingest.judging import by_day
from ingest.places import Places
from schemas.alert import Alert, AlertChange
from schemas.app import Apps
from schemas.event import Event
from schemas.refusal import Refused
from schemas.signal import Signal

CHUNK = 5_000
MAX_KEYS = 1_000_000

Progress = Callable[[int], None]


@dataclass(slots=True)
class Replayed:
    """What a file led to.

    Attributes:
        alerts: the final ones, in the order of their event time; withdrawn ones left out.
        events, duplicates: counted.
        refused: line number and reason of every line that is no event.
    """

    alerts: list[Alert] = field(default_factory=list)
    events: int = 0
    duplicates: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)


def replay(
    lines: Iterable[bytes],
    plan: Plan,
    apps: Apps,
    places: Places,
    progress: Progress = lambda _events: None,
    *,
    judges_silence: bool = False,
    signals: Sequence[Signal] = (),
) -> Replayed:
    """Judge the events of a file in the wire format, one JSON object a line.

    Pending hits are decided at the end; silence is not judged. An event's arrival is its event time.

    Args:
        lines: of the file, empty ones are passed over.
        plan: the rules in force.
        apps: what each app declares.
        places: the address look-up.
        progress: told the number of events so far, now and then.
        signals: of what the pipeline did meanwhile, by time; a file of events holds none.
        judges_silence: let an app that falls silent be told, as far as the events of others move time.
    """
    result = Replayed()
    # A file may come without a configuration: then its apps are nobody's, and all the same what is asked about.
    engine, dedup, enricher = Engine(plan, apps, untrusted_bound=MAX_KEYS), Dedup(), Enricher(places, apps)
    detection, days = Detection(engine, plan, apps, judges_silence=judges_silence), RememberedDays()
    final: dict[str, Alert] = {}
    newest_us, waiting = 0, list(signals)
    for events in by_day(_decoded(lines, result), CHUNK):
        fresh, conflicts, duplicates = dedup.unique(events)
        # The place of a record is its line here.
        result.refused.extend((event.offset, str(refused)) for event, refused in conflicts)
        result.duplicates += duplicates
        result.events += len(fresh)
        enricher.enrich(fresh)
        inform(engine, fresh, days)
        told, waiting = _until(waiting, max((event.time_us for event in fresh), default=0))
        # A signal is met where it happened, and the file's own order stands.
        changes = detection.process(merge(told, fresh, key=_time_of)).changes
        _apply(changes, final)
        _apply(detection.process(flags(changes)).changes, final)
        if fresh:
            # As a running pipeline does: or else a long file would fill the memory. By the middle event: one that is
            # dated years ahead must not drop all others.
            newest_us = max(newest_us, fresh[len(fresh) // 2].time_us)
            detection.expire(newest_us)
        days.save(engine.take_days())
        progress(result.events)
    _apply(detection.finish().changes, final)
    result.refused.sort()
    result.alerts = sorted(final.values(), key=lambda alert: (alert.event_time_us, alert.alert_id))
    return result


@contextmanager
def open_lines(path: str) -> Iterator[Iterable[bytes]]:
    """Open a JSONL file, also ``.gz``, also ``-`` for standard input.

    Raises:
        OSError: it cannot be opened.
    """
    if path == "-":
        yield sys.stdin.buffer
        return
    opened = gzip.open(path, "rb") if path.endswith(".gz") else Path(path).open("rb")  # noqa: SIM115 - closed below
    with opened as stream:
        yield cast(BinaryIO, stream)


def _decoded(lines: Iterable[bytes], result: Replayed) -> Iterator[Event]:
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text:
            continue
        try:
            event = decode_event(text)
        except Refused as refused:
            result.refused.append((number, str(refused)))
            continue
        event.arrival_us = event.time_us
        event.offset = number
        yield event


def _until(signals: list[Signal], time_us: int) -> tuple[list[Signal], list[Signal]]:
    """Return the signals up to an instant, microseconds since the epoch, and those after it."""
    return [one for one in signals if one.time_us <= time_us], [one for one in signals if one.time_us > time_us]


def _time_of(item: Event | Signal) -> int:
    return item.time_us


def _apply(changes: Iterable[AlertChange], final: dict[str, Alert]) -> None:
    for change in changes:
        if change.kind == "withdrawn":
            final.pop(change.alert.alert_id, None)
        else:
            final[change.alert.alert_id] = change.alert
