"""The start: the newest state of each key, then everything that was stored after it, judged again.

Alerts of the re-run are compared with the stored ones and discarded, so that every restart proves that
judging is deterministic; a difference is logged and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import structlog

from detectors.findings.stage import Detection
from detectors.findings.standing import MAX_STANDING
from detectors.remembered import Days, inform
from detectors.rules import BUILTIN, AnyRule
from ingest.judging import by_day
from schemas.alert import Alert, AlertChange
from schemas.event import Event
from schemas.limits import MAX_FUTURE_US
from schemas.signal import Signal
from store.alert_search import AlertFilter
from store.reader import Reader

_CHUNK = 5_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a start did: keys restored, items judged again, alerts that came out otherwise than stored."""

    keys: int
    rerun: int
    differences: int


def recover(
    detection: Detection,
    reader: Reader,
    fingerprint: str,
    now_us: int,
    rules: Mapping[str, type[AnyRule]] = BUILTIN,
) -> Recovered:
    """Bring an empty detection stage to where the last run was committed.

    Args:
        detection: to be filled.
        reader: of the store.
        fingerprint: of the rules in force; a snapshot under another one is not used.
        now_us: the pipeline's clock; bounds a rebuild.
        rules: rule classes by id.
    """
    restored = _restore(detection, reader, fingerprint, rules)
    if restored is not None:
        keys, items = restored
        comparable = True
    else:
        # Other rules, or state of another version: it is rebuilt from the events.
        since_us = now_us - detection.engine.longest_horizon_us()
        _recall(detection, reader, since_us)
        keys, items, comparable = 0, reader.replay_since(since_us), False
    rerun, outcome = _rerun(detection, items, reader)
    stored = reader.stored_alerts(list(outcome))
    differences = _differences(outcome, stored) if comparable else 0
    if not comparable:
        # What only these rules find was told to nobody yet.
        detection.unpublish({key for key, alert in stored.items() if alert.mode == outcome[key].alert.mode})
    if keys or rerun:
        log.info("state recovered", keys=keys, rerun=rerun, differences=differences, snapshot=comparable)
    return Recovered(keys, rerun, differences)


def _restore(
    detection: Detection, reader: Reader, fingerprint: str, rules: Mapping[str, type[AnyRule]]
) -> tuple[int, Iterator[Event | Signal]] | None:
    """Load what fits; return the number of keys and what is to be judged again, or None where nothing fits."""
    found = reader.snapshot()
    if found is None:
        # Killed before the first snapshot: everything that is stored is younger than that.
        return 0, reader.replay_after(0)
    seq, stored_under, rows = found
    if stored_under != fingerprint:
        with suppress(msgspec.DecodeError):
            detection.adopt_lasting(rows)
        return None
    try:
        return detection.restore(rows, rules, reader.events_at, reader.user_days), reader.replay_after(seq)
    except msgspec.DecodeError:
        log.warning("stored state cannot be read by this version, it is rebuilt from the events")
        return None


def _recall(detection: Detection, reader: Reader, until_us: int) -> None:
    """Let the alerts before the re-run count as they are stored."""
    older = AlertFilter(since_us=max(0, until_us - detection.memory_us), until_us=max(0, until_us))
    records = reader.alert_records(older, limit=MAX_STANDING)
    detection.recall((record.alert, record.triage.verdict) for record in reversed(records))


def _rerun(detection: Detection, items: Iterable[Event | Signal], days: Days) -> tuple[int, dict[str, AlertChange]]:
    outcome: dict[str, AlertChange] = {}
    done = 0
    for chunk in by_day(items, _CHUNK):
        inform(detection.engine, chunk, days)
        for change in detection.process(chunk).changes:
            outcome[change.alert.alert_id] = change
        done += len(chunk)
        # As a running pipeline does: or else a rebuild of weeks would fill the memory. Signals are of the clock, which
        # may be far ahead of the events.
        newest_us = max((item.time_us for item in chunk if isinstance(item, Event)), default=0)
        detection.expire(newest_us - MAX_FUTURE_US)
    return done, outcome


def _differences(outcome: Mapping[str, AlertChange], stored: Mapping[str, Alert]) -> int:
    differences = 0
    for alert_id, change in outcome.items():
        if not _agrees(change, stored.get(alert_id)):
            differences += 1
            log.error("re-run differs from what is stored", alert_id=alert_id, rule=change.alert.rule_id)
    return differences


def _agrees(change: AlertChange, stored: Alert | None) -> bool:
    if stored is None:
        return change.kind == "withdrawn"
    if change.kind == "withdrawn" or stored.status == "withdrawn":
        return change.kind == "withdrawn" and stored.status == "withdrawn"
    ours = change.alert
    return (ours.severity, ours.hits, ours.event_time_us) == (
        stored.severity,
        stored.hits,
        stored.event_time_us,
    )
