"""`sessionwatch audit`: of a store that no pipeline has, of an export, and of a running pipeline."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner, Result

from sessionwatch.audit_key import make_audit_key
from sessionwatch.cli import app
from sessionwatch.config import load
from store.audit_key import AuditKey
from store.database import Database
from store.rows import AuditLine
from tests.api.installation import Installation, client_configuration, installation, write_configuration

__all__ = ["installation"]

NAMED = "carol"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose port nobody listens on, and a store with five audit lines, four of them signed."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = write_configuration(tmp_path, "127.0.0.1:1", "http://127.0.0.1:1/hook")
    file.write_text(file.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
    settings = load(file, {})
    with Database.open(settings.store.path) as database:
        writer, now_us = database.writer(make_audit_key(settings.store)), time.time_ns() // 1_000
        lines = [AuditLine(now_us, NAMED, "alert triaged", f"a{number}", "bank", "because") for number in range(5)]
        with writer.transaction():
            writer.append_audit(lines[:4])
            writer.checkpoint_audit(now_us)
            writer.append_audit(lines[4:])
    return file


@pytest.fixture
def key(config: Path) -> AuditKey:
    """The installation's audit key."""
    return make_audit_key(load(config, {}).store)


def run(*arguments: str, config: Path | None = None) -> Result:
    where = [] if config is None else ["--config", str(config)]
    return CliRunner().invoke(app, ["audit", *arguments, *where], catch_exceptions=False)


def answers(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def tamper(config: Path, statement: str) -> None:
    connection = duckdb.connect(str(load(config, {}).store.path))
    connection.execute(statement)
    connection.close()


def export(config: Path, file: Path, *more: str) -> list[str]:
    """Export into a file; return its lines."""
    result = run("export", *more, config=config)
    assert result.exit_code == 0
    file.write_text(result.stdout)
    return result.stdout.splitlines()


def test_a_whole_log_is_told_with_its_head(config: Path, key: AuditKey) -> None:
    result = run("verify", config=config)
    assert result.exit_code == 0
    whole, head, signed = result.stdout.splitlines()
    assert whole == "whole: 5 lines, 1 to 5, 1 checkpoints"
    assert head.startswith("head: 5:")
    assert signed == f"signed up to line 4 by {key.public}"


def test_a_changed_line_is_named_and_the_exit_is_1(config: Path) -> None:
    tamper(config, "UPDATE audit SET subject = 'a9' WHERE line = 3")
    result = run("verify", config=config)
    assert result.exit_code == 1
    assert result.stdout == ""
    told = result.stderr.splitlines()[-1]
    assert told == "sessionwatch: the audit log is not as it was written: line 3 was changed"


def test_as_json_the_trouble_is_told_too(config: Path) -> None:
    tamper(config, "DELETE FROM audit WHERE line = 2")
    result = run("verify", "--json", config=config)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["trouble"]["line"] == 2


def test_a_cut_tail_is_found_by_a_head_from_the_log(config: Path) -> None:
    [found] = answers(run("verify", "--json", config=config))
    tamper(config, "DELETE FROM audit WHERE line = 5")
    assert run("verify", config=config).exit_code == 0
    result = run("verify", "--head", found["head"], config=config)
    assert result.exit_code == 1
    assert "line 5 is missing: the tail is cut" in result.stderr


def test_a_line_of_the_log_does_for_a_head(config: Path) -> None:
    [found] = answers(run("verify", "--json", config=config))
    logged = f"2026-11-25 07:31:01 [info     ] audit checkpoint               head={found['head']}"
    assert run("verify", "--head", logged, config=config).exit_code == 0
    tamper(config, "DELETE FROM audit WHERE line = 5")
    assert run("verify", "--head", logged, config=config).exit_code == 1


def test_a_wrong_key_is_refused(config: Path) -> None:
    result = run("verify", "--public-key", AuditKey(b"o" * 32).public, config=config)
    assert result.exit_code == 1
    assert "it is signed by another key" in result.stderr


def test_without_the_key_the_public_one_suffices(config: Path, key: AuditKey) -> None:
    (load(config, {}).store.path.parent / "audit.key").unlink()
    assert run("verify", "--public-key", key.public, config=config).exit_code == 0


def test_an_export_is_checked_with_the_public_key_alone(config: Path, key: AuditKey, tmp_path: Path) -> None:
    lines = export(config, tmp_path / "audit.jsonl")
    assert [json.loads(line)["kind"] for line in lines] == ["line"] * 5 + ["checkpoint"]
    result = run("verify", "--file", str(tmp_path / "audit.jsonl"), "--public-key", key.public)
    assert result.exit_code == 0
    assert "whole: 5 lines" in result.stdout


def test_lines_of_an_export_in_another_order_are_named(config: Path, key: AuditKey, tmp_path: Path) -> None:
    lines = export(config, tmp_path / "audit.jsonl")
    lines[1], lines[2] = lines[2], lines[1]
    (tmp_path / "audit.jsonl").write_text("\n".join(lines))
    result = run("verify", "--file", str(tmp_path / "audit.jsonl"), "--public-key", key.public)
    assert result.exit_code == 1
    assert "line 2 is missing: line 3 comes after line 1" in result.stderr


def test_a_part_of_an_export_wants_to_be_called_one(config: Path, key: AuditKey, tmp_path: Path) -> None:
    lines = export(config, tmp_path / "audit.jsonl")
    (tmp_path / "part.jsonl").write_text("\n".join(lines[2:]))
    given = ["verify", "--file", str(tmp_path / "part.jsonl"), "--public-key", key.public]
    assert "the lines before line 3 are gone" in run(*given).stderr
    assert "whole: 3 lines, 3 to 5" in run(*given, "--partial").stdout


def test_an_export_begins_and_ends_when_it_is_told_to(config: Path, tmp_path: Path) -> None:
    # A checkpoint of a line that is not exported would look like a tail cut off.
    assert export(config, tmp_path / "a", "--from", "1h", "--to", "1m") == []
    assert len(export(config, tmp_path / "a", "--from", "1h")) == 6


def test_a_file_that_is_none_is_refused_in_one_line(tmp_path: Path, key: AuditKey) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text('{"line": "x"}\n')
    with pytest.raises(Exception, match="line 1 of the file: no record of an audit export"):
        run("verify", "--file", str(file), "--public-key", key.public)
    with pytest.raises(Exception, match="no such file"):
        run("verify", "--file", str(tmp_path / "y"), "--public-key", key.public)


@pytest.mark.parametrize("more", [[], ["--public-key", "x"], ["--public-key", "A" * 43, "--head", "x"]])
def test_wrong_usage_is_told_as_such(tmp_path: Path, more: list[str]) -> None:
    assert run("verify", "--file", str(tmp_path / "x"), *more).exit_code == 2


def test_a_name_is_erased_and_the_log_stays_whole(config: Path) -> None:
    [done] = answers(run("erase", NAMED, "--reason", "she has left", "--json", config=config))
    assert done["lines"] == []
    assert NAMED not in run("export", config=config).stdout
    assert run("verify", config=config).exit_code == 0


def test_a_running_pipeline_is_asked(installation: Installation) -> None:
    config = client_configuration(installation)
    [found] = answers(run("verify", "--json", config=config))
    exported = answers(run("export", config=config))
    assert found["whole"]
    assert [one["line"] for one in exported if one["kind"] == "line"][: found["lines"]] == [
        number + 1 for number in range(found["lines"])
    ]
