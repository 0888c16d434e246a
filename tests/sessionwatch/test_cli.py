"""The command line, as a user meets it: what it prints where, and how it ends."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
import typer
from typer.testing import CliRunner

from sessionwatch import __version__, cli
from tests.sessionwatch.conftest import private_file

ROOT = Path(__file__).parents[2]
EVENT = (
    '{{"schema_version":1,"event_id":"0190b3a0-0000-7000-8000-{number:012d}","event_time":"{time}","type":"{type}",'
    '"app":"bank","session_id":"s_k1_{session}","user_id":"alice","ip":"{ip}","user_agent":"{agent}"}}'
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


T = TypeVar("T")


def run(*arguments: str, folder: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(arguments),
        cwd=folder,
        env=environment(),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
    )


def command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "sessionwatch", *arguments]


def environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SESSIONWATCH")}
    return kept | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "emitters" / "src")])}


def stolen_session() -> str:
    lines = [
        EVENT.format(number=1, time="2026-11-01T10:00:00Z", type="create", session="x", ip="192.0.2.1", agent=FIREFOX),
        EVENT.format(
            number=2,
            time="2026-11-01T10:01:00Z",
            type="validate",
            session="x",
            ip="203.0.113.9",
            agent="curl/8",
        ),
    ]
    return "\n".join(lines) + "\n"


def test_help_names_the_commands_that_there_are(tmp_path: Path) -> None:
    ended = run("--help", folder=tmp_path)
    assert ended.returncode == 0
    named = re.findall(r"^  ([a-z]+) ", ended.stdout, re.MULTILINE)
    assert set(named) == {
        "demo", "run", "dashboard", "broker", "emit", "replay", "alerts", "sessions", "revoke", "release", "dlq",
        "version", "config", "policy", "response", "outbox", "campaigns", "evaluate", "rules", "simulate", "train",
        "audit", "users", "digest",
    }  # fmt: skip


def test_help_imports_nothing_heavy() -> None:
    program = "import sys, sessionwatch.cli; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    )
    heavy = {"pydantic", "kafka", "duckdb", "pyarrow", "structlog", "uvicorn", "apprise", "rich", "msgspec"}
    assert heavy.isdisjoint(ended.stdout.split())


@pytest.mark.parametrize("name", ["demo", "run", "broker", "emit", "replay", "version", "config", "config check"])
def test_every_command_explains_itself_and_knows_json(name: str) -> None:
    shown = CliRunner().invoke(cli.app, [*name.split(), "--help"])
    assert shown.exit_code == 0
    assert "--json" in shown.stdout or name == "config"


def test_version_as_text_and_as_json() -> None:
    assert CliRunner().invoke(cli.app, ["version"]).stdout == f"sessionwatch {__version__}\n"
    assert json.loads(CliRunner().invoke(cli.app, ["version", "--json"]).stdout)["sessionwatch"] == __version__


def test_the_version_is_that_of_the_distribution() -> None:
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["emit"], ["broker", "--port", "x"], ["broker", "--port", "70000"]]
)
def test_wrong_usage_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    ended = run(*arguments, folder=tmp_path)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_config_check_of_a_valid_file(tmp_path: Path) -> None:
    (tmp_path / "sessionwatch.toml").write_text("[apps.bank]")
    ended = run("config", "check", folder=tmp_path)
    assert ended.returncode == 0
    assert ended.stdout.splitlines() == [
        "warning: apps.bank: no signing_key_file: whoever can write to the topic can speak for it",
        "configuration is valid",
    ]


def test_config_check_of_a_wrong_file(tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_text("[kafak]\n[api]\nlisten = 1")
    ended = run("config", "check", "--config", "f.toml", folder=tmp_path)
    assert ended.returncode == 1
    assert ended.stdout.splitlines() == [
        "api.listen: expected host:port, got 1",
        'kafak: unknown key; did you mean "kafka"?',
    ]


def test_config_check_says_nothing_of_an_address_but_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_text('[[chat]]\nurl = "nonsense://hunter2"')
    ended = run("config", "check", "--config", "f.toml", folder=tmp_path)
    assert ended.stdout.startswith("chat[0]: Apprise cannot use this nonsense address")
    assert "hunter2" not in ended.stdout + ended.stderr
    assert ended.stderr == ""


def test_config_check_as_json(tmp_path: Path) -> None:
    file = private_file(tmp_path / "f.toml", "[kafak]")
    shown = CliRunner().invoke(cli.app, ["config", "check", "--json", "--config", str(file)])
    assert shown.exit_code == 1
    assert json.loads(shown.stdout) == {
        "valid": False,
        "errors": ['kafak: unknown key; did you mean "kafka"?'],
        "warnings": [],
    }


@pytest.mark.parametrize("name", ["run", "broker", "emit", "replay"])
def test_a_wrong_configuration_stops_every_command_in_one_line(tmp_path: Path, name: str) -> None:
    file = [] if name in ("run", "broker") else ["events.jsonl"]
    ended = run(name, *file, "--config", "none.toml", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "sessionwatch: none.toml: there is no such file\n"


def test_replay_prints_alerts_as_json_lines(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(stolen_session())
    ended = run("replay", "events.jsonl", "--json", folder=tmp_path)
    assert ended.returncode == 0
    alerts = [json.loads(line) for line in ended.stdout.splitlines()]
    assert "session-hijack" in {alert["rule_id"] for alert in alerts}


def test_replay_runs_only_the_rules_asked_for(tmp_path: Path) -> None:
    ended = run("replay", "-", "--json", "--rules", "user-multi-ip", folder=tmp_path, stdin=stolen_session())
    assert (ended.returncode, ended.stdout) == (0, "")


def test_replay_counts_bad_lines_and_goes_on(tmp_path: Path) -> None:
    ended = run("replay", "-", folder=tmp_path, stdin="nonsense\n" + stolen_session())
    assert ended.returncode == 0
    assert ended.stderr.splitlines() == [
        "line 1: not_json: at character 0",
        f"2 events, 1 lines refused, {len(ended.stdout.splitlines())} alerts",
    ]


@pytest.mark.parametrize("name", ["replay", "emit"])
def test_a_file_that_is_not_there_is_one_line(tmp_path: Path, name: str) -> None:
    ended = run(name, "none.jsonl", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "sessionwatch: none.jsonl: cannot be read: no such file or directory\n"


@pytest.mark.parametrize(
    "content", [b"plain", gzip.compress(b"x" * 1_000, mtime=0)[:-9], b"\x1f\x8b"], ids=["plain", "cut", "header"]
)
def test_a_compressed_file_that_is_broken_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.gz").write_bytes(content)
    ended = run("replay", "bad.gz", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.fullmatch(r"sessionwatch: bad\.gz: not gzip, or cut short: .*\n", ended.stderr)


def test_a_reader_that_goes_away_is_no_reason_to_complain(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(stolen_session())
    with subprocess.Popen(
        command(["replay", "events.jsonl", "--json"]),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        said = running.stderr.read()
        running.wait(30)
    assert "Traceback" not in said
    assert "Exception ignored" not in said


def test_the_broker_says_one_line_and_ends_with_0(tmp_path: Path) -> None:
    with subprocess.Popen(
        command(["broker", "--port", "0"]), cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("development broker ready on 127.0.0.1:")
        began = time.monotonic()
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0
        assert time.monotonic() - began < 5
        assert running.stdout.read() == ""


def test_a_pipeline_that_works_ends_with_0(tmp_path: Path, broker: str) -> None:
    with pipeline(tmp_path, broker) as running:
        said = running.stderr
        assert said is not None
        until(lambda: "pipeline ready" in said.readline())
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
        assert json.loads(said.read().splitlines()[-1])["event"] == "pipeline stopped"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_pipeline_that_waits_for_kafka_ends_with_0_at_once(tmp_path: Path, number: signal.Signals) -> None:
    # It takes connections and never answers: what opening the pipeline waits for, for ten seconds.
    with socket.create_server(("127.0.0.1", 0)) as silent, pipeline(tmp_path, address(silent)) as running:
        silent.settimeout(30)
        connection, _ = silent.accept()
        began = time.monotonic()
        running.send_signal(number)
        assert running.wait(30) == 0
        assert time.monotonic() - began < 8
        connection.close()
        assert running.stderr is not None
        assert json.loads(running.stderr.read().splitlines()[-1])["event"] == "pipeline stopped"


def test_a_pipeline_that_is_loading_ends_with_0(tmp_path: Path) -> None:
    # A named pipe for a configuration: the command is between its start and its settings until somebody writes.
    file = tmp_path / "f.toml"
    os.mkfifo(file)
    with subprocess.Popen(
        command(["run", "--config", "f.toml"]), cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True
    ) as running:
        writing = until(lambda: opened_for_writing(file))
        # One that arrives between Python's last look and the read itself is noticed at the next: so ask again.
        until(lambda: stopped(running, within_s=1))
        assert running.returncode == 0
        os.close(writing)
        assert running.stderr is not None
        assert running.stderr.read() == ""


def pipeline(folder: Path, kafka: str) -> subprocess.Popen[str]:
    """Start a pipeline of its own on a free port."""
    (folder / "f.toml").write_text(f'[kafka]\nbootstrap_servers = ["{kafka}"]\n[api]\nlisten = "127.0.0.1:0"')
    return subprocess.Popen(
        command(["run", "--config", "f.toml"]), cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True
    )


def address(server: socket.socket) -> str:
    host, port = server.getsockname()
    return f"{host}:{port}"


def stopped(running: subprocess.Popen[str], within_s: float) -> int | None:
    """Ask a process to stop; return its pid once it has."""
    running.send_signal(signal.SIGTERM)
    try:
        running.wait(within_s)
    except subprocess.TimeoutExpired:
        return None
    return running.pid


def opened_for_writing(pipe: Path) -> int | None:
    """Return the descriptor of a named pipe, once somebody reads from it."""
    try:
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def until(found: Callable[[], T | None], deadline_s: float = 30.0) -> T:
    """Return something as soon as it is there."""
    end = time.monotonic() + deadline_s
    while not (there := found()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return there


def test_a_port_in_use_is_one_line(tmp_path: Path, broker: str) -> None:
    ended = run("broker", "--port", broker.rpartition(":")[2], folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("sessionwatch: port ")
    assert ended.stderr.count("\n") == 1


def broken() -> None:
    raise KeyError("a defect")


def main_with(arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int:
    """Run the command line with one more command that has a defect; return how it ends."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(broken)
    monkeypatch.setattr(cli, "app", lambda: app(arguments))
    monkeypatch.setattr(sys, "argv", ["sessionwatch", *arguments])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_defect_is_one_line_that_says_where_the_details_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main_with([], monkeypatch, tmp_path) == 1
    said = capsys.readouterr().err
    (details,) = tmp_path.glob("sessionwatch-*.log")
    assert said == (f"sessionwatch: unexpected KeyError: 'a defect' (details in {details}; --debug shows them here)\n")
    assert "in broken" in details.read_text(encoding="utf-8")
    assert details.stat().st_mode & 0o077 == 0
