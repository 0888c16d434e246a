"""What the README tells a newcomer to type works."""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sessionwatch.config import load
from sessionwatch.config.parts import declared_apps
from tests.docs.blocks import ROOT, block

README = (ROOT / "README.md").read_text()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_it_starts_with_the_two_commands() -> None:
    first = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
    assert first is not None
    assert [line.split("#")[0].strip() for line in first[1].splitlines()] == ["make demo", "make test"]


@pytest.mark.slow
def test_the_quick_start_finds_the_theft(tmp_path: Path) -> None:
    """The block runs as it stands, on ports of its own, and its last command prints the alerts."""
    (tmp_path / "sample_logs").symlink_to(ROOT / "sample_logs")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SESSIONWATCH__KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        "SESSIONWATCH__API__LISTEN": f"127.0.0.1:{free_port()}",
    }
    script = block("README.md", "quick start") + "\nkill -TERM $(jobs -p); wait\n"
    with subprocess.Popen(
        ["bash", "-ec", script],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        try:
            out, errors = run.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            raise
    assert "critical session-hijack bank s_demo_alice" in out, errors
    assert "6 events sent" in errors + out
    assert (tmp_path / "data" / "sessionwatch.duckdb").exists()


def test_the_configuration_that_lets_it_act_is_valid(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "bank.signing").write_text(f"k1:{base64.b64encode(b'k' * 32).decode()}\n")
    (secrets / "chat.url").write_text("mailto://user:password@example.com\n")
    (secrets / "bank.whsec").write_text(f"whsec_{base64.b64encode(b's' * 32).decode()}\n")
    (tmp_path / "sessionwatch.toml").write_text(block("README.md", "configuration"))
    settings = load(tmp_path / "sessionwatch.toml")
    assert declared_apps(settings)["bank"].signing_keys == {"k1": b"k" * 32}
    assert settings.rules["session-hijack"].mode == "enforce"
    assert not settings.response.dry_run


def test_the_five_lines_of_the_emitter_are_the_emitters_own() -> None:
    five = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert five is not None
    assert five[1] in (ROOT / "emitters" / "README.md").read_text()


def test_every_rule_stands_in_the_table() -> None:
    from detectors.rules import BUILTIN

    for rule_id in BUILTIN:
        assert f"| {rule_id} |" in README


def test_every_link_into_the_repository_leads_somewhere() -> None:
    for document in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "emitters" / "README.md"):
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_every_refusal_is_explained_to_the_operator() -> None:
    from schemas.refusal import Reason

    page = (ROOT / "docs" / "operations.md").read_text()
    for reason in Reason:
        assert reason.value in page


def test_make_is_there_for_the_two_commands() -> None:
    assert shutil.which("make")
    targets = re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"setup", "demo", "test", "check", "run", "clean"} <= set(targets)
