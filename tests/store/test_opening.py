"""What opening a store does, and what it says when it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from store.database import Database
from store.errors import (
    StoreCorrupt,
    StoreLocked,
    StoreMissing,
    StoreTooNew,
    StoreUnwritable,
    WriterMisused,
)
from tests.store.samples import event

HOLD = """
import sys
from store.database import Database
database = Database.open(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
database.close()
"""


@contextmanager
def held(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process have the store open."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        yield holder


def mode(path: Path) -> int:
    """Return the permission bits of a file."""
    return path.stat().st_mode & 0o777


def test_a_locked_store_names_the_process_that_has_it(path: Path) -> None:
    with held(path) as holder, pytest.raises(StoreLocked) as refused:
        Database.open(path, wait_s=0.1)
    assert f"in use by process {holder.pid}" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_locked_store_cannot_even_be_read(path: Path) -> None:
    with held(path), pytest.raises(StoreLocked, match="in use by process"):
        Database.open(path, read_only=True, wait_s=0.1)


def test_opening_waits_for_a_lock_that_is_given_up(path: Path) -> None:
    with held(path) as holder:
        assert holder.stdin is not None
        holder.stdin.close()
        Database.open(path, wait_s=20).close()


def test_a_file_of_another_kind_is_corrupt(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 1_000)
    with pytest.raises(StoreCorrupt, match="damaged or no DuckDB file") as refused:
        Database.open(path)
    assert "restore it from a backup" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_empty_file_is_corrupt(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with pytest.raises(StoreCorrupt):
        Database.open(path)


def test_damage_in_the_header_is_corrupt(path: Path) -> None:
    Database.open(path).close()
    content = bytearray(path.read_bytes())
    content[4096:12288] = os.urandom(8192)
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt):
        Database.open(path)


def test_damage_in_a_block_is_corrupt_when_it_is_read(path: Path) -> None:
    with Database.open(path) as database:
        writer = database.writer()
        with writer.transaction():
            writer.append_events([event(user_agent=os.urandom(400).hex()) for _ in range(2_000)])
    content = bytearray(path.read_bytes())
    for block in range(12288, len(content), 262_144):
        content[block + 100_000 : block + 100_100] = os.urandom(100)
    path.write_bytes(content)

    def read_all() -> None:
        with Database.open(path) as database:
            list(database.reader().replay_after(0))

    with pytest.raises(StoreCorrupt):
        read_all()


def test_a_file_of_a_later_version_is_refused(path: Path) -> None:
    Database.open(path).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT INTO schema_versions VALUES (99, now()::TIMESTAMP)")
    with pytest.raises(StoreTooNew, match="tables of version 99") as refused:
        Database.open(path)
    assert "install the version that wrote it" in str(refused.value)


def test_after_a_refusal_the_file_is_free_again(path: Path) -> None:
    Database.open(path).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT INTO schema_versions VALUES (99, now()::TIMESTAMP)")
    with pytest.raises(StoreTooNew):
        Database.open(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM schema_versions WHERE version = 99")
    Database.open(path).close()


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnwritable, match="is a folder"):
        Database.open(tmp_path)


def test_a_file_in_the_way_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreUnwritable, match="choose a folder of your own"):
        Database.open(tmp_path / "data" / "store.duckdb")


@pytest.fixture
def nobody() -> Iterator[None]:
    """Be an ordinary user for the test: root may write anywhere."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder that everybody may enter and nobody write."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


def test_a_folder_without_the_right_to_write_is_said(closed_folder: Path, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("nobody")
    with pytest.raises(StoreUnwritable, match="Permission denied") as refused:
        Database.open(closed_folder / "store.duckdb")
    assert "\n" not in str(refused.value)


def test_a_store_in_a_folder_of_somebody_else_is_said(path: Path, request: pytest.FixtureRequest) -> None:
    Database.open(path).close()
    path.parent.chmod(0)
    request.getfixturevalue("nobody")
    with pytest.raises(StoreUnwritable, match="Permission denied"):
        Database.open(path, read_only=True)


def test_read_only_wants_a_store(path: Path) -> None:
    with pytest.raises(StoreMissing, match="there is no store"):
        Database.open(path, read_only=True)


def test_read_only_gives_no_writer(path: Path) -> None:
    Database.open(path).close()
    with Database.open(path, read_only=True) as database, pytest.raises(WriterMisused, match="read-only"):
        database.writer()


def test_read_only_reads(path: Path) -> None:
    with Database.open(path) as database:
        writer = database.writer()
        with writer.transaction():
            writer.append_events([event()])
    with Database.open(path, read_only=True) as database:
        assert database.reader().counts()["events"] == 1


def test_folder_file_and_log_are_for_their_owner_alone(path: Path) -> None:
    with Database.open(path) as database:
        writer = database.writer()
        with writer.transaction():
            writer.append_events([event()])
        log = path.with_name(path.name + ".wal")
        assert (mode(path.parent), mode(path), mode(log)) == (0o700, 0o600, 0o600)


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    Database.open(path).close()
    path.chmod(0o644)
    Database.open(path).close()
    assert mode(path) == 0o600


def test_a_statement_cannot_reach_other_files(database: Database, tmp_path: Path) -> None:
    target = tmp_path / "leak.csv"
    with pytest.raises(duckdb.PermissionException):
        database._connection.execute(f"COPY events TO '{target}'")


FILL = """
import os, resource, sys
from store.database import Database
from store.errors import DiskFull
from tests.store.samples import event
database = Database.open(sys.argv[1])
writer = database.writer()
with writer.transaction():
    writer.append_events([event()])
if len(sys.argv) > 2:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    for _ in range(400):
        with writer.transaction():
            writer.append_events([event(user_agent=os.urandom(400).hex()) for _ in range(1_000)])
        print(writer.last_seq, flush=True)
except DiskFull as error:
    print(error, file=sys.stderr, flush=True)
    os._exit(28)
"""


def fill(path: Path, *limit: str) -> tuple[int, str]:
    """Write until there is no room; return the last sequence number committed, and what was said then."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    filled = subprocess.run(
        [sys.executable, "-c", FILL, str(path), *limit],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert filled.returncode == 28, filled.stderr
    return int((filled.stdout.split() or ["1"])[-1]), filled.stderr


def test_a_limit_on_the_file_is_a_full_disk_and_what_was_committed_stays(path: Path) -> None:
    committed, said = fill(path, str(12_000_000))
    assert "no room left to write" in said
    assert "free space" in said
    assert said.count("\n") == 1
    with Database.open(path) as database:
        assert database.reader().counts()["events"] == committed


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small file system can be mounted by root only: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_and_what_was_committed_stays(small_disk: Path, tmp_path: Path) -> None:
    committed, said = fill(small_disk / "store.duckdb")
    assert "no room left to write" in said
    assert said.count("\n") == 1
    for written in small_disk.iterdir():
        (tmp_path / written.name).write_bytes(written.read_bytes())
    with Database.open(tmp_path / "store.duckdb") as database:
        assert database.reader().counts()["events"] == committed
