"""The whole demo in processes of its own, as `make demo` runs it."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.slow

RULES = ["session-hijack", "session-multi-network", "use-after-destroy"]
ONCE_S = 60
READY_S = 40
END_S = 10


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def once(scratch: Path) -> subprocess.CompletedProcess[str]:
    """One whole run of `demo --once --json`."""
    return subprocess.run(
        command("--once", "--json"),
        capture_output=True,
        text=True,
        timeout=ONCE_S,
        check=False,
        env=environment(scratch),
    )


@pytest.fixture(scope="module")
def result(once: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert once.returncode == 0, once.stderr
    found: dict[str, Any] = json.loads(once.stdout)
    return found


@pytest.fixture
def showing(scratch: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo that goes on, after its first theft."""
    demo = subprocess.Popen(
        command(), stdout=subprocess.PIPE, text=True, env=environment(scratch), start_new_session=True
    )
    try:
        deadline = time.monotonic() + READY_S
        assert demo.stdout is not None
        for line in demo.stdout:
            assert time.monotonic() < deadline, "no thief was locked out in time"
            if "the thief is out" in line:
                break
        yield demo
    finally:
        demo.kill()
        demo.communicate()


def test_it_exits_with_0_only_if_everything_was_shown(once: subprocess.CompletedProcess[str]) -> None:
    assert once.returncode == 0, once.stderr


def test_each_thief_was_recognised_by_another_rule(result: dict[str, Any]) -> None:
    assert [attacker["rule_id"] for attacker in result["attackers"]] == RULES


def test_an_alert_was_sent_for_each(result: dict[str, Any]) -> None:
    assert all(attacker["alerted"] and attacker["alert_id"] for attacker in result["attackers"])


def test_each_was_refused_by_the_app_itself(result: dict[str, Any]) -> None:
    assert [attacker["status"] for attacker in result["attackers"]] == [401, 401, 401]


def test_the_lock_out_takes_less_than_a_second_at_the_median(result: dict[str, Any]) -> None:
    assert statistics.median(attacker["locked_out_ms"] for attacker in result["attackers"]) < 1000


def test_detection_comes_before_the_lock_out(result: dict[str, Any]) -> None:
    assert all(0 < attacker["detected_ms"] < attacker["locked_out_ms"] for attacker in result["attackers"])


def test_the_three_stolen_sessions_and_no_others_were_ended(result: dict[str, Any]) -> None:
    assert (result["ended_sessions"], result["others_ended"]) == (3, 0)


def test_two_alerts_on_one_session_lead_to_one_revocation(result: dict[str, Any]) -> None:
    assert result["totals"]["revocations"] == {"confirmed": 3}
    assert result["totals"]["alerts"] > 3


def test_every_event_was_readable(result: dict[str, Any]) -> None:
    assert result["totals"]["dead_letters"] == 0
    assert result["totals"]["events"] > 40


def test_the_versions_are_named(result: dict[str, Any]) -> None:
    assert set(result["versions"]) == {"sessionwatch", "python", "kafka-python", "duckdb", "tansu"}
    assert all(result["versions"].values())


def test_the_story_goes_to_standard_error(once: subprocess.CompletedProcess[str]) -> None:
    assert once.stderr.count("THEFT") == 3
    assert len(once.stdout.splitlines()) == 1


def test_nothing_is_left_behind(once: subprocess.CompletedProcess[str], scratch: Path) -> None:
    assert once.returncode == 0
    assert list(scratch.glob("sessionwatch-*")) == []
    assert of_the_demo(scratch) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_goes_on_until_it_is_told_to_stop(
    showing: subprocess.Popen[str], scratch: Path, number: signal.Signals
) -> None:
    showing.send_signal(number)
    rest, _ = showing.communicate(timeout=END_S)
    assert showing.returncode == 0
    assert "sessions: 1 stolen, 1 taken away" in rest
    assert of_the_demo(scratch) == []


def test_no_process_outlives_a_demo_that_is_killed(showing: subprocess.Popen[str], scratch: Path) -> None:
    showing.kill()
    showing.wait(END_S)
    deadline = time.monotonic() + END_S
    while left := of_the_demo(scratch):
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.05)


def test_an_app_that_dies_ends_the_demo_in_one_line(scratch: Path) -> None:
    demo = subprocess.Popen(
        command(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(scratch),
    )
    victim = wait_for(demo.pid, "sessionwatch.demo.webapp.serve")
    victim.kill()
    _, errors = demo.communicate(timeout=READY_S)
    assert demo.returncode == 1
    assert errors.startswith("sessionwatch: the web app ")
    assert "Traceback" not in errors
    assert of_the_demo(scratch) == []


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "sessionwatch", "demo", *options]


def environment(scratch: Path) -> dict[str, str]:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return os.environ | {"TMPDIR": str(scratch), "PYTHONPATH": path, "COLUMNS": "200"}


def of_the_demo(scratch: Path) -> list[str]:
    """Command lines of processes that belong to demos with this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(scratch) and process.pid != os.getpid():
                found.append(" ".join(process.cmdline()) or process.name())
        except psutil.Error:
            continue
    return found


def wait_for(parent: int, module: str) -> psutil.Process:
    """A child of a process that runs a module, once there is one."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        for child in psutil.Process(parent).children():
            if module in child.cmdline():
                return child
        time.sleep(0.05)
    raise AssertionError(f"no process of {parent} runs {module}")
