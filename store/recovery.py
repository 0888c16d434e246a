"""What a start needs: where to read on, the newest state of each key, and what came after it."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator
from operator import attrgetter

import duckdb
import msgspec

from schemas.event import Event
from schemas.signal import Signal
from store.errors import explain
from store.event_columns import SELECTED, events_of
from store.reading import Reading
from store.rows import SnapshotRow

CHUNK = 20_000
"""Sequence numbers read at once: a few tens of megabytes of events."""

POSITIONS = "SELECT topic_uuid, kafka_partition, next_offset FROM offsets WHERE topic = $topic"
BOUNDS_AFTER = """
SELECT min(first), max(last) FROM (
    SELECT min(seq) AS first, max(seq) AS last FROM events WHERE seq > $after
    UNION ALL SELECT min(seq), max(seq) FROM signals WHERE seq > $after)
"""
FIRST_SEQ_SINCE = """
SELECT coalesce(min(seq), 9223372036854775807) FROM (
    SELECT min(seq) AS seq FROM events WHERE event_time >= make_timestamp($since)
    UNION ALL SELECT min(seq) FROM signals WHERE signal_time >= make_timestamp($since))
"""
EVENTS_BETWEEN = f"""
SELECT {SELECTED} FROM events
WHERE seq > $after AND seq <= $until AND event_time >= make_timestamp($since) ORDER BY seq
"""
RECENT_IDS = """
SELECT event_id::VARCHAR, epoch_us(event_time) FROM events
WHERE seq > (SELECT coalesce(max(seq), 0) FROM events) - $limit ORDER BY seq DESC
"""
EVENTS_AT = f"SELECT {SELECTED} FROM events WHERE seq IN (SELECT unnest($seqs::BIGINT[]))"
SIGNALS_BETWEEN = """
SELECT signal_id, epoch_us(signal_time), kind, app, session_id, user_id, payload, seq FROM signals
WHERE seq > $after AND seq <= $until AND signal_time >= make_timestamp($since) ORDER BY seq
"""
NEWEST_MARK = "SELECT seq, fingerprint FROM snapshot_marks ORDER BY mark DESC LIMIT 1"
NEWEST_SNAPSHOTS = """
SELECT kind, key, content FROM snapshots
JOIN (SELECT kind, key, max(mark) AS mark FROM snapshots GROUP BY kind, key) USING (kind, key, mark)
WHERE content IS NOT NULL AND mark > (
    SELECT coalesce(max(mark), 0) FROM snapshot_marks
    WHERE fingerprint <> (SELECT arg_max(fingerprint, mark) FROM snapshot_marks))
"""
"""State that was made under another fingerprint is none of this one's, though no newer row replaces it."""

BEGINNING_US = 0
_SNAPSHOT_CHUNK = 10_000
_payload = msgspec.json.Decoder(dict[str, str | int])


class Recovery(Reading):
    """Queries of a start, and of anything that judges the stored events again."""

    def positions(self, topic: str) -> tuple[str | None, dict[int, int]]:
        """Return the UUID of the topic that was read, and the next offset by partition."""
        rows = self._rows(POSITIONS, {"topic": topic})
        uuid = next((row[0] for row in rows if row[0] is not None), None)
        return uuid, {partition: offset for _, partition, offset in rows}

    def recent_ids(self, limit: int) -> list[tuple[str, int]]:
        """Return id and event time (microseconds) of the events stored last, oldest first."""
        return self._rows(RECENT_IDS, {"limit": limit})[::-1]

    def events_at(self, seqs: Collection[int]) -> dict[int, Event]:
        """Return the events with these sequence numbers; those that retention has taken are left out."""
        if not seqs:
            return {}
        return {event.seq: event for event in events_of(self._rows(EVENTS_AT, {"seqs": list(seqs)}))}

    def replay_after(self, seq: int) -> Iterator[Event | Signal]:
        """Return what was stored after a sequence number, events and signals in the order of ingestion.

        Streamed: a chunk of 20,000 is in memory at a time.
        """
        return self._replay(seq, BEGINNING_US)

    def replay_since(self, time_us: int) -> Iterator[Event | Signal]:
        """Return what happened since an instant (microseconds since the epoch), in the order of ingestion."""
        return self._replay(self._before(time_us), time_us)

    def replay_page(self, time_us: int, after: int | None = None) -> tuple[list[Event | Signal], int | None]:
        """Return a page of what happened since an instant, in the order of ingestion, for whoever asks in parts.

        Args:
            time_us: microseconds since the epoch.
            after: as the page before said; None for the first.

        Returns:
            at most 20,000 events and signals, and where the next page begins; None at the end.
        """
        bounds = self._row(BOUNDS_AFTER, {"after": self._before(time_us) if after is None else after})
        if bounds is None or bounds[0] is None:
            return [], None
        start, last = bounds[0] - 1, bounds[1]
        until = min(start + CHUNK, last)
        return list(self._between(start, until, time_us)), until if until < last else None

    def snapshot(self) -> tuple[int, str, Iterator[SnapshotRow]] | None:
        """Return the newest snapshot's sequence number and fingerprint, and each key's newest row, streamed.

        Keys that have expired are left out; None where no snapshot was ever taken.
        """
        mark = self._row(NEWEST_MARK)
        return None if mark is None else (mark[0], mark[1], self._snapshot_rows())

    def _replay(self, after: int, since_us: int) -> Iterator[Event | Signal]:
        bounds = self._row(BOUNDS_AFTER, {"after": after})
        if bounds is None or bounds[0] is None:
            return
        first, last = bounds
        for start in range(first - 1, last, CHUNK):
            yield from self._between(start, min(start + CHUNK, last), since_us)

    def _between(self, after: int, until: int, since_us: int) -> Iterable[Event | Signal]:
        between = {"after": after, "until": until, "since": since_us}
        signals = [_signal_of(row) for row in self._rows(SIGNALS_BETWEEN, between)]
        events = events_of(self._rows(EVENTS_BETWEEN, between))
        stored: list[Iterable[Event | Signal]] = [events, signals]
        return heapq.merge(*stored, key=attrgetter("seq")) if signals else events

    def _before(self, time_us: int) -> int:
        return self._number(FIRST_SEQ_SINCE, {"since": time_us}) - 1

    def _snapshot_rows(self) -> Iterator[SnapshotRow]:
        # The state of a million keys is a gigabyte: the only result that is not fetched whole. It has its own
        # cursor, since another statement on this one would end it.
        cursor = self._connection.cursor()
        try:
            cursor.execute(NEWEST_SNAPSHOTS)
            while rows := cursor.fetchmany(_SNAPSHOT_CHUNK):
                yield from (SnapshotRow(*row) for row in rows)
        except duckdb.Error as error:
            raise explain(error, self._path) from error
        finally:
            cursor.close()


def _signal_of(row: tuple[object, ...]) -> Signal:
    signal_id, time_us, kind, app, session_id, user_id, payload, seq = row
    return Signal(signal_id, time_us, kind, app, session_id, user_id, _payload.decode(str(payload)), seq)  # type: ignore[arg-type]
