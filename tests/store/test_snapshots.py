"""Of each key the newest snapshot row counts."""

from __future__ import annotations

from store.database import Database
from store.reader import Reader
from store.retention import COMPACT_FROM
from store.rows import SnapshotRow
from store.writer import Writer
from tests.store.samples import NOON, event


def take(writer: Writer, seq: int, *rows: SnapshotRow, fingerprint: str = "rules-1") -> None:
    """Append one snapshot in a transaction of its own."""
    with writer.transaction():
        writer.append_snapshot(seq, NOON, fingerprint, rows)


def newest(reader: Reader) -> dict[tuple[str, str], bytes | None]:
    """Return the state that a start would load."""
    snapshot = reader.snapshot()
    assert snapshot is not None
    return {(row.kind, row.key): row.content for row in snapshot[2]}


def test_without_a_snapshot_there_is_none(reader: Reader) -> None:
    assert reader.snapshot() is None


def test_the_newest_row_of_each_key_counts(writer: Writer, reader: Reader) -> None:
    take(writer, 10, SnapshotRow("session", "alice", b"old"), SnapshotRow("session", "bob", b"kept"))
    take(writer, 20, SnapshotRow("session", "alice", b"new"))
    assert newest(reader) == {("session", "alice"): b"new", ("session", "bob"): b"kept"}


def test_one_key_of_two_kinds_is_two(writer: Writer, reader: Reader) -> None:
    take(writer, 10, SnapshotRow("session", "k", b"session"), SnapshotRow("user", "k", b"user"))
    assert newest(reader) == {("session", "k"): b"session", ("user", "k"): b"user"}


def test_an_expired_key_is_left_out(writer: Writer, reader: Reader) -> None:
    take(writer, 10, SnapshotRow("session", "alice", b"state"))
    take(writer, 20, SnapshotRow("session", "alice", None))
    assert newest(reader) == {}


def test_a_key_that_expired_and_came_back_is_there(writer: Writer, reader: Reader) -> None:
    take(writer, 10, SnapshotRow("session", "alice", None))
    take(writer, 20, SnapshotRow("session", "alice", b"again"))
    assert newest(reader) == {("session", "alice"): b"again"}


def test_of_two_snapshots_at_one_sequence_number_the_later_counts(writer: Writer, reader: Reader) -> None:
    take(writer, 10, SnapshotRow("session", "alice", b"first"))
    take(writer, 10, SnapshotRow("session", "alice", b"second"))
    assert newest(reader) == {("session", "alice"): b"second"}


def test_a_snapshot_says_its_sequence_number_and_fingerprint(writer: Writer, reader: Reader) -> None:
    take(writer, 10, fingerprint="rules-1")
    take(writer, 20, fingerprint="rules-2")
    snapshot = reader.snapshot()
    assert snapshot is not None
    assert snapshot[:2] == (20, "rules-2")


def test_another_query_may_run_while_the_rows_stream(writer: Writer, reader: Reader) -> None:
    take(writer, 10, *(SnapshotRow("session", str(number), b"state") for number in range(25_000)))
    snapshot = reader.snapshot()
    assert snapshot is not None
    first = next(snapshot[2])
    assert reader.counts()["snapshots"] == 25_000
    assert len({first.key, *(row.key for row in snapshot[2])}) == 25_000


def test_compacting_keeps_what_a_start_loads_and_nothing_else(writer: Writer, reader: Reader) -> None:
    take(writer, 10, SnapshotRow("session", "alice", b"old"), SnapshotRow("session", "bob", b"kept"))
    take(writer, 20, SnapshotRow("session", "alice", b"new"), SnapshotRow("session", "gone", b"state"))
    take(writer, 30, SnapshotRow("session", "gone", None))
    writer.compact_snapshots()
    assert newest(reader) == {("session", "alice"): b"new", ("session", "bob"): b"kept"}
    counts = reader.counts()
    assert (counts["snapshots"], counts["snapshot_marks"]) == (2, 1)


def test_state_made_under_another_fingerprint_is_left_out(writer: Writer, reader: Reader) -> None:
    take(writer, 10, SnapshotRow("session", "alice", b"of rules-1"), fingerprint="rules-1")
    take(writer, 20, SnapshotRow("session", "bob", b"of rules-2"), fingerprint="rules-2")
    take(writer, 30, SnapshotRow("session", "carol", b"of rules-2"), fingerprint="rules-2")
    expected = {("session", "bob"): b"of rules-2", ("session", "carol"): b"of rules-2"}
    assert newest(reader) == expected
    writer.compact_snapshots()
    assert newest(reader) == expected


def test_compacting_again_waits_until_it_is_worth_it(writer: Writer, reader: Reader) -> None:
    writer.compact_snapshots()
    for seq in (10, 20):
        take(writer, seq, SnapshotRow("session", "alice", b"state"))
    writer.compact_snapshots()
    assert reader.counts()["snapshots"] == 2
    for seq in (30, 40):
        take(
            writer,
            seq,
            *(SnapshotRow("session", str(number), b"state") for number in range(COMPACT_FROM // 2)),
        )
    writer.compact_snapshots()
    assert reader.counts()["snapshots"] == COMPACT_FROM // 2 + 1


def test_after_a_compaction_the_next_snapshot_still_wins(writer: Writer, reader: Reader) -> None:
    take(writer, 10, SnapshotRow("session", "alice", b"old"))
    writer.compact_snapshots()
    take(writer, 10, SnapshotRow("session", "alice", b"new"))
    assert newest(reader) == {("session", "alice"): b"new"}


def test_what_came_after_the_snapshot_is_replayed(database: Database, writer: Writer, reader: Reader) -> None:
    before, after = event(), event()
    with writer.transaction():
        writer.append_events([before])
        writer.append_snapshot(writer.last_seq, NOON, "rules-1", [SnapshotRow("session", "alice", b"state")])
    with writer.transaction():
        writer.append_events([after])
    snapshot = reader.snapshot()
    assert snapshot is not None
    assert list(reader.replay_after(snapshot[0])) == [after]
