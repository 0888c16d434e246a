"""What keeps `sessionwatch run` from starting, or ends it: one line that says what and what to do, exit 1."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest

from ingest.topics import ensure_topic
from tests.faults.command import RunCommand
from tests.faults.rig import ALERTS, DEAD_LETTERS, EVENTS, REVOCATIONS, Run, new_run
from tests.faults.stream import PARTITIONS, lines, send

END_S = 30.0


@pytest.fixture
def run(tmp_path: Path, broker: str) -> Iterator[Run]:
    """A pipeline that could start: broker, keys and folder are in order."""
    with new_run(tmp_path / "run", broker, f"events-{uuid4()}", 0) as made:
        yield made


def refusal(run: Run) -> str:
    """Start it, and return the one line with which it ends."""
    with RunCommand(run.folder / "sessionwatch.toml") as command:
        assert command.wait(END_S) == 1
        (line,) = command.told()
    assert line.startswith("sessionwatch: ")
    assert "unexpected" not in line
    return line


def change(run: Run, old: str, new: str) -> None:
    """Change the configuration."""
    file = run.folder / "sessionwatch.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_store_that_another_process_has(run: Run) -> None:
    with duckdb.connect(str(run.store)):
        line = refusal(run)
    assert f"{run.store} is in use by process {os.getpid()}" in line
    assert "stop that process" in line


def test_a_file_that_is_no_store(run: Run) -> None:
    run.store.write_bytes(b"these are my notes, not a database\n" * 1_000)
    assert "is damaged or no DuckDB file" in refusal(run)
    assert run.store.read_bytes().startswith(b"these are my notes")


@pytest.mark.slow
def test_a_store_that_was_cut_in_the_middle(run: Run) -> None:
    with duckdb.connect(str(run.store)) as connection:
        connection.execute("CREATE TABLE t AS SELECT range AS n, hash(range) AS h FROM range(200000)")
    size = run.store.stat().st_size
    os.truncate(run.store, size // 2)
    assert str(run.store) in refusal(run)


def test_a_port_in_use(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        change(run, "127.0.0.1:0", f"127.0.0.1:{port}")
        line = refusal(run)
    assert f"port {port} on 127.0.0.1 is in use" in line
    assert "[api] listen" in line


def test_no_broker(run: Run) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    change(run, f'bootstrap_servers = ["{run.servers}"]', f'bootstrap_servers = ["127.0.0.1:{port}"]')
    change(run, "max_poll_records", "bootstrap_timeout_ms = 1000\nmax_poll_records")
    line = refusal(run)
    assert f"Kafka at 127.0.0.1:{port} does not answer" in line
    assert "bootstrap_servers" in line


def test_a_webhook_secret_that_is_none(run: Run) -> None:
    (run.folder / "bank.whsec").write_text("whsec_abcd\n")
    line = refusal(run)
    assert "response.targets" in line
    assert "secret_file" in line
    assert "whsec_abcd" not in line


def test_a_signing_key_that_is_none(run: Run) -> None:
    change(run, "[apps.bank]", '[apps.bank]\nsigning_key_file = "bank.signing"')
    (run.folder / "bank.signing").write_text("k1:not+a+key\n")
    line = refusal(run)
    assert "apps.bank" in line
    assert "signing_key_file" in line
    assert "not+a+key" not in line


def test_a_secret_file_that_is_missing(run: Run) -> None:
    (run.folder / "bank.whsec").unlink()
    assert "cannot read" in refusal(run)


@pytest.mark.slow
def test_a_full_disk_ends_it_and_with_room_again_nothing_is_missing(tmp_path: Path, broker: str) -> None:
    topic = f"events-{uuid4()}"
    ensure_topic({"bootstrap_servers": broker}, topic, PARTITIONS)
    records = lines()
    send(broker, topic, records)
    with new_run(tmp_path / "roomy", broker, topic, len(records)) as roomy:
        assert roomy.live() == 0
        with new_run(tmp_path / "full", broker, topic, len(records)) as full, small_disk(full.folder / "disk") as disk:
            change(full, 'path = "sessionwatch.duckdb"', 'path = "disk/sessionwatch.duckdb"')
            assert "no room left" in refusal(full)
            disk.grow()
            assert full.live() == 0
            stored = disk.folder / "sessionwatch.duckdb"
            for statement in (EVENTS, DEAD_LETTERS, ALERTS, REVOCATIONS):
                with duckdb.connect(str(stored), read_only=True) as connection:
                    assert connection.execute(statement).fetchall() == roomy.rows(statement)


class SmallDisk:
    """A file system of its own, with room for next to nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def grow(self) -> None:
        """Give it room."""
        subprocess.run(["mount", "-o", "remount,size=64m", self.folder], check=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount a small tmpfs, which only root may."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip() or 'mount failed'}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
