"""A batch is one transaction, and one thread writes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from store.database import Database
from store.errors import WriterMisused
from store.reader import Reader
from store.rows import AuditLine, DeadLetter
from store.writer import Writer
from tests.store.audit_lines import audit_lines
from tests.store.samples import NOON, alert, event, message, revocation

WRITE_AND_DIE = """
import os, signal, sys
from store.database import Database
from store.rows import SnapshotRow
from tests.store.samples import NOON, alert, event, message, revocation
point = sys.argv[2]
writer = Database.open(sys.argv[1]).writer()
with writer.transaction():
    writer.append_events([event() for _ in range(2_000)])
    writer.save_offsets("session-events", "uuid", {0: 2_000})
    writer.save_alerts([alert()], NOON)
    if point == "inside":
        os.kill(os.getpid(), signal.SIGKILL)
    writer.save_revocations([revocation()])
    writer.enqueue([message()])
    writer.append_snapshot(writer.last_seq, NOON, "rules", [SnapshotRow("session", "k", b"state")])
os.kill(os.getpid(), signal.SIGKILL)
"""


def rows_after_death(path: Path, point: str) -> dict[str, int]:
    """Return the number of rows by table after a process was killed at a point of its batch."""
    search_path = os.pathsep.join(entry for entry in sys.path if entry)
    dead = subprocess.run(
        [sys.executable, "-c", WRITE_AND_DIE, str(path), point],
        env={**os.environ, "PYTHONPATH": search_path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert dead.returncode == -9, dead.stderr
    with Database.open(path) as database:
        return database.reader().counts()


def test_killed_inside_a_batch_nothing_of_it_is_there(path: Path) -> None:
    assert set(rows_after_death(path, "inside").values()) == {0}


def test_killed_after_the_commit_all_of_it_is_there(path: Path) -> None:
    counts = rows_after_death(path, "after")
    assert {table: number for table, number in counts.items() if number} == {
        "events": 2_000,
        "alerts": 1,
        "revocations": 1,
        "outbox": 1,
        "offsets": 1,
        "snapshots": 1,
        "snapshot_marks": 1,
    }


def fail_inside(writer: Writer) -> None:
    """Write a batch and raise before its end."""
    with writer.transaction():
        writer.append_events([event()])
        writer.append_audit([AuditLine(NOON, "policy", "revoke", "s_alice")])
        raise RuntimeError("a stage failed")


def test_an_exception_undoes_the_batch(writer: Writer, reader: Reader) -> None:
    with pytest.raises(RuntimeError, match="a stage failed"):
        fail_inside(writer)
    assert not any(reader.counts().values())


def test_numbers_of_an_undone_batch_are_given_again(writer: Writer) -> None:
    with pytest.raises(RuntimeError):
        fail_inside(writer)
    sent = event()
    with writer.transaction():
        writer.append_events([sent])
    assert sent.seq == 1


def test_a_reader_sees_a_batch_only_after_its_commit(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.append_events([event()])
        assert reader.counts()["events"] == 0
    assert reader.counts()["events"] == 1


def test_a_reader_in_another_thread_reads_while_a_batch_is_open(database: Database, writer: Writer) -> None:
    counted: list[int] = []
    with writer.transaction():
        writer.append_events([event()])
        reading = threading.Thread(target=lambda: counted.append(database.reader().counts()["events"]))
        reading.start()
        reading.join(timeout=10)
    assert counted == [0]


def test_a_second_thread_may_not_write(writer: Writer) -> None:
    with writer.transaction():
        writer.append_events([event()])
    refused: list[WriterMisused] = []

    def write() -> None:
        try:
            with writer.transaction():
                writer.append_events([event()])
        except WriterMisused as error:
            refused.append(error)

    second = threading.Thread(target=write)
    second.start()
    second.join(timeout=10)
    assert len(refused) == 1


def test_there_is_one_writer(database: Database) -> None:
    database.writer()
    with pytest.raises(WriterMisused, match="its writer already"):
        database.writer()


def test_writing_wants_a_transaction(writer: Writer) -> None:
    with pytest.raises(WriterMisused, match="no transaction is open"):
        writer.append_events([event()])


def test_a_second_transaction_inside_the_first_is_refused(writer: Writer) -> None:
    with writer.transaction(), pytest.raises(WriterMisused, match="open already"), writer.transaction():
        pass


def test_every_kind_of_row_fits_in_one_batch(writer: Writer, reader: Reader) -> None:
    letter = DeadLetter("session-events", 0, 7, NOON, "not_json", "", 3, "ab" * 32, b"\x00\xff{")
    with writer.transaction():
        writer.append_dead_letters([letter])
        writer.append_events([event()])
        writer.save_alerts([alert()], NOON)
        writer.save_revocations([revocation()])
        writer.enqueue([message()])
        writer.settle([message(state="delivered", finished_us=NOON)])
        writer.append_audit([AuditLine(NOON, "policy", "revoke", "s_alice", details={"sessions": 1})])
    assert reader.dead_letters() == [letter]
    assert audit_lines(reader) == [AuditLine(NOON, "policy", "revoke", "s_alice", details={"sessions": 1})]


def test_empty_lists_write_nothing(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.append_events([])
        writer.append_signals([])
        writer.append_dead_letters([])
        writer.save_alerts([], NOON)
        writer.save_revocations([])
        writer.enqueue([])
        writer.settle([])
        writer.append_audit([])
        writer.save_offsets("session-events", None, {})
    assert not any(reader.counts().values())


def test_warming_up_leaves_nothing_behind(database: Database) -> None:
    writer = database.writer()
    writer.warm_up()
    assert writer.last_seq == 0
    assert database.reader().counts()["events"] == 0
