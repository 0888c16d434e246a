from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path

import pytest

from response.errors import TargetRefused
from response.outcome import DELIVERED, Outcome
from response.targets.command import CommandTarget
from tests.response.given import eventually
from tests.response.targets.asked import asked


def program(folder: Path, script: str) -> Path:
    path = folder / "end-session"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def deliver(folder: Path, script: str, *arguments: str, deadline_s: float = 10.0) -> Outcome:
    """One try of a target whose program is this shell script; `$0.txt` stands beside it for what it writes."""
    command = [str(program(folder, script)), *arguments]
    return CommandTarget("local", "bank", command, deadline_s=deadline_s).deliver(asked())


def written(folder: Path) -> str:
    return (folder / "end-session.txt").read_text()


def test_it_reads_the_message_and_its_id(tmp_path: Path) -> None:
    assert deliver(tmp_path, "cat > $0.txt") == DELIVERED
    assert json.loads(written(tmp_path)) == {"id": "m1", **json.loads(asked().payload)}


def test_its_arguments_are_those_of_the_configuration(tmp_path: Path) -> None:
    deliver(tmp_path, 'printf "%s\\n" "$@" > $0.txt', "--app", "$HOME; *")
    assert written(tmp_path) == "--app\n$HOME; *\n"


def test_nothing_of_the_pipelines_environment_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONWATCH__RESPONSE__TARGETS__BANK__SECRET", "whsec_x")
    deliver(tmp_path, "env > $0.txt")
    assert "whsec_x" not in written(tmp_path)


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("exit 0", DELIVERED),
        ("exit 1", Outcome("retry", "the program ended with 1")),
        ("exit 75", Outcome("retry", "the program ended with 75")),
        ("exit 65", Outcome("refused", "the program ended with 65: it cannot be done")),
        ("kill -9 $$", Outcome("retry", "the program was ended by signal 9")),
    ],
)
def test_what_its_end_means(tmp_path: Path, script: str, outcome: Outcome) -> None:
    assert deliver(tmp_path, script) == outcome


def test_it_need_not_read(tmp_path: Path) -> None:
    long = asked(user_id="x" * 1_000_000)
    target = CommandTarget("local", "bank", [str(program(tmp_path, "exit 0"))])
    assert target.deliver(long) == DELIVERED


def test_after_the_deadline_it_is_killed_with_what_it_has_started(tmp_path: Path) -> None:
    begun = time.monotonic()
    outcome = deliver(tmp_path, "sleep 60 & echo $! > $0.txt; wait", deadline_s=0.5)
    assert outcome == Outcome("retry", "the program did not end within 0.5 s")
    assert time.monotonic() - begun < 30
    child = int(written(tmp_path))
    eventually(lambda: not alive(child))


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_program_that_has_gone_since_is_tried_again(tmp_path: Path) -> None:
    path = program(tmp_path, "exit 0")
    target = CommandTarget("local", "bank", [str(path)])
    path.unlink()
    assert target.deliver(asked()) == Outcome("retry", "the program cannot be started: no such file or directory")


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ([], "a command begins with the absolute path of a program"),
        (["end-session"], "a command begins with the absolute path of a program"),
        (["/"], "/ is no program that can be run"),
        ([os.devnull], "/dev/null is no program that can be run"),
        (["/bin/sh", "a\0b"], "an argument holds a null character"),
    ],
)
def test_what_is_no_program_is_refused(command: list[str], why: str) -> None:
    with pytest.raises(TargetRefused, match=f"target local: {why}"):
        CommandTarget("local", "bank", command)


def test_a_program_that_anybody_may_replace_is_refused(tmp_path: Path) -> None:
    path = program(tmp_path, "exit 0")
    path.chmod(path.stat().st_mode | stat.S_IWOTH)
    with pytest.raises(TargetRefused, match="chmod o-w"):
        CommandTarget("local", "bank", [str(path)])


def test_it_is_asked_for_a_session_only_unless_the_configuration_says_more() -> None:
    assert CommandTarget("local", "bank", ["/bin/true"]).scopes == {"session"}
    assert CommandTarget("local", "bank", ["/bin/true"], scopes=["session", "user"]).scopes == {"session", "user"}


def test_a_program_that_only_ends_sessions_is_given_no_release(tmp_path: Path) -> None:
    path = program(tmp_path, "touch $0.txt")
    released = asked(kind="session.released")
    outcome = CommandTarget("local", "bank", [str(path)]).deliver(released)
    assert outcome == Outcome("refused", "this program is not told session.released")
    assert not (tmp_path / "end-session.txt").exists()
    knows = CommandTarget("local", "bank", [str(path)], kinds=["session.revoked", "session.released"])
    assert knows.deliver(released) == DELIVERED
