"""What the page about rules tells an engineer to type works, from the first command to the last."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from detectors.battery.stage import AGENTS, PLACES
from detectors.sequences.line import WORDS
from sample_logs.scenario import CONFIGURATION, FOLDER
from sessionwatch.config import load
from tests.docs.blocks import ROOT, block
from tests.sessionwatch.workshop.stored import events_of, store, write_configuration

PAGE = (ROOT / "docs" / "rules.md").read_text()


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-ec", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=240
    )


@pytest.mark.slow
def test_the_commands_run_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "sample_logs").symlink_to(FOLDER)
    file = write_configuration(tmp_path)
    store(load(file), events_of("stolen-next-door", "office-egress"))
    (tmp_path / "events.jsonl").write_bytes((FOLDER / "stolen-next-door.jsonl").read_bytes())
    (tmp_path / "labels.csv").write_text("session_id,attack\ns_demo_alice,theft\n")
    for name in ("see", "write", "tune", "measure", "rerun"):
        done = run(block("docs/rules.md", name), tmp_path)
        assert done.returncode == 0, f"{name}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    assert "raised now, marked late" in done.stderr
    assert "0 alerts" not in done.stderr


@pytest.mark.slow
def test_the_scenarios_page_runs() -> None:
    done = run(block("sample_logs/README.md", "scenarios"), ROOT)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_every_word_of_a_sequence_is_named() -> None:
    for word in (*WORDS, *PLACES, *AGENTS):
        assert f"`{word}`" in PAGE, word


def test_the_configuration_of_the_scenarios_is_named_where_it_is_needed() -> None:
    assert CONFIGURATION in (FOLDER / "README.md").read_text()
