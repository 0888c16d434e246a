"""A file of alerts holds whole lines, whatever happens to it."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from response.siem.file import AlertFile
from tests.response.given import eventually
from tests.response.siem.given import message


def lines(path: Path) -> list[dict[str, object]]:
    text = path.read_text()
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_a_document_is_a_line(tmp_path: Path) -> None:
    file = AlertFile(tmp_path / "alerts.jsonl")
    assert [one.kind for one in file.deliver([message(1), message(2, "ecs")])] == ["ok", "ok"]
    file.deliver([message(3)])
    file.close()
    assert len(lines(tmp_path / "alerts.jsonl")) == 3


def test_others_cannot_read_it(tmp_path: Path) -> None:
    file = AlertFile(tmp_path / "alerts.jsonl")
    file.deliver([message()])
    file.close()
    assert not stat.S_IMODE((tmp_path / "alerts.jsonl").stat().st_mode) & 0o027


def test_after_a_rotation_the_lines_go_into_a_new_file(tmp_path: Path) -> None:
    path, file = tmp_path / "alerts.jsonl", AlertFile(tmp_path / "alerts.jsonl")
    file.deliver([message(1)])
    path.rename(tmp_path / "alerts.jsonl.1")
    file.deliver([message(2)])
    path.unlink()
    file.deliver([message(3)])
    file.close()
    assert len(lines(path)) == 1
    assert len(lines(tmp_path / "alerts.jsonl.1")) == 1


def test_what_a_power_cut_left_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_text('{"whole": 1}\n{"half": ')
    file = AlertFile(path)
    file.deliver([message()])
    file.close()
    assert len(lines(path)) == 2


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes")
    (outcome,) = AlertFile(path).deliver([message()])
    assert outcome.kind == "retry"
    assert "something else than lines of JSON" in outcome.detail
    assert path.read_text() == "my notes"


def test_a_pipe_in_its_place_does_not_hold_the_lane(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alerts.jsonl")
    (outcome,) = AlertFile(tmp_path / "alerts.jsonl").deliver([message()])
    assert outcome.kind == "retry"
    assert "regular file" in outcome.detail


def test_a_missing_folder_is_tried_again(tmp_path: Path) -> None:
    file = AlertFile(tmp_path / "later" / "alerts.jsonl")
    assert file.deliver([message()])[0].detail == "the file cannot be written: No such file or directory"
    (tmp_path / "later").mkdir()
    assert file.deliver([message()])[0].kind == "ok"
    file.close()


FULL = """
import resource, signal, sys
from pathlib import Path
from response.siem.file import AlertFile
from tests.response.given import eventually
from tests.response.siem.given import message
path = Path(sys.argv[1])
file = AlertFile(path)
assert file.deliver([message(1)])[0].kind == "ok"
size = path.stat().st_size
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
(outcome,) = file.deliver([message(2)])
assert outcome.kind == "retry", outcome
assert path.stat().st_size == size
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
assert file.deliver([message(2)])[0].kind == "ok"
"""


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_FSIZE)[1] != resource.RLIM_INFINITY, reason="this machine limits files itself"
)
def test_what_finds_no_room_leaves_no_half_line_and_comes_later(tmp_path: Path) -> None:
    # A limit of the size of files cuts a write short in the middle, as a full disk does.
    path = tmp_path / "alerts.jsonl"
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(lines(path)) == 2


WRITING = """
import sys
from pathlib import Path
from response.siem.file import AlertFile
from tests.response.given import eventually
from tests.response.siem.given import message
file, many = AlertFile(Path(sys.argv[1])), [message(number) for number in range(500)]
print("ready", flush=True)
while True:
    file.deliver(many)
"""


def test_killed_in_the_middle_of_a_write_it_holds_whole_lines_after_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", WRITING, str(path)], stdout=subprocess.PIPE) as writing:
            assert writing.stdout is not None
            writing.stdout.readline()
            before = path.stat().st_size if path.exists() else 0
            eventually(lambda size=before: path.exists() and path.stat().st_size > size)
            writing.kill()
        file = AlertFile(path)
        assert file.deliver([message()])[0].kind == "ok"
        file.close()
        assert lines(path)
