"""`sessionwatch rules`: what there is, and a new rule from nothing to a passing test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from detectors.rules import BUILTIN
from sessionwatch.cli import app
from sessionwatch.errors import CommandError
from sessionwatch.workshop.template import write_rule

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["rules", *arguments], catch_exceptions=False)


def answers(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_rule_is_listed_with_what_routes_its_events() -> None:
    rows = {row["rule_id"]: row for row in answers(run("list", "--json"))}
    assert rows.keys() >= BUILTIN.keys()
    hijack = rows["session-hijack"]
    assert (hijack["key"], hijack["mode"], hijack["severity"]) == ("session", "alert", "critical")
    assert hijack["needs"] == ["create", "validate"]
    assert hijack["placed_by"] == "user (record key)"


def test_what_an_identity_provider_says_is_listed_and_shown_as_a_rule() -> None:
    rows = {row["rule_id"]: row for row in answers(run("list", "--json"))}
    disabled = rows["idp-account-disabled"]
    assert (disabled["key"], disabled["needs"], disabled["severity"]) == ("session", [], "high")
    [told] = answers(run("show", "idp-credential-change", "--json"))
    assert "OpenID RISC" in told["about"]
    assert told["runbook"]


def test_the_routers_table_is_printed_for_people() -> None:
    printed = run("list").stdout
    assert "placed by" in printed
    assert "re-keyed by network" in printed


def test_the_list_shows_how_a_rule_is_set(tmp_path: Path) -> None:
    (tmp_path / "sessionwatch.toml").write_text('[rules.user-multi-ip]\nmode = "enforce"\nseverity = "high"\n')
    row = next(row for row in answers(run("list", "--json")) if row["rule_id"] == "user-multi-ip")
    assert (row["mode"], row["severity"]) == ("enforce", "high")


def test_a_rule_is_shown_whole(tmp_path: Path) -> None:
    (tmp_path / "sessionwatch.toml").write_text("[rules.user-multi-ip]\nnetworks = 5\n")
    [told] = answers(run("show", "user-multi-ip", "--json"))
    assert "Known false positives" in told["about"]
    assert told["runbook"]
    networks = next(one for one in told["parameters"] if one["name"] == "networks")
    assert (networks["value"], networks["default"]) == (5, 3)
    printed = run("show", "user-multi-ip").stdout
    assert "networks = 5 (default 3)" in printed


def test_an_unknown_rule_is_one_line_with_the_nearest() -> None:
    with pytest.raises(CommandError, match=r'no rule is named "session-hijak".*session-hijack'):
        run("show", "session-hijak")


def test_a_new_rule_passes_its_own_test(tmp_path: Path) -> None:
    made = answers(run("new", "too-many-uses", "--into", "mine", "--json"))[0]
    assert [Path(file).name for file in made["files"]] == [
        "too_many_uses.py", "too_many_uses.yaml", "test_too_many_uses.py",
    ]  # fmt: skip
    result = run("test", "mine/too_many_uses.py")
    assert (result.exit_code, result.stderr.strip()) == (0, "6 of 6 hold")


@pytest.mark.slow
@pytest.mark.parametrize("key", ["session", "user"])
def test_a_new_rule_passes_ruff_mypy_and_pytest(tmp_path: Path, key: str) -> None:
    write_rule("too-many-uses", tmp_path, key)  # type: ignore[arg-type]  # one of the two
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)}
    settings = str(ROOT / "pyproject.toml")
    for command in (
        ["ruff", "check", "--config", settings, "--ignore", "D1", "."],
        ["ruff", "format", "--config", settings, "--check", "."],
        ["mypy", "--strict", "--follow-imports=silent", "--cache-dir", str(ROOT / ".mypy_cache"), "too_many_uses.py"],
        ["pytest", "-q", "-p", "no:cacheprovider", "."],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_written_over(tmp_path: Path) -> None:
    write_rule("too-many-uses", tmp_path, "session")
    with pytest.raises(CommandError, match="is there already"):
        write_rule("too-many-uses", tmp_path, "session")


@pytest.mark.parametrize("rule_id", ["Too-Many", "../x", "a b", "", "x" * 61])
def test_what_is_no_id_is_refused(tmp_path: Path, rule_id: str) -> None:
    with pytest.raises(CommandError, match="is no rule id"):
        write_rule(rule_id, tmp_path, "session")


def test_a_failing_sequence_is_shown_line_by_line(tmp_path: Path) -> None:
    write_rule("too-many-uses", tmp_path, "session")
    file = tmp_path / "too_many_uses.py"
    file.write_text(file.read_text().replace("Field(10,", "Field(11,"))
    result = run("test", str(file))
    assert result.exit_code == 1
    assert 'the sequence "ten uses within a minute" does not hold' in result.stdout
    assert "validate(request)" in result.stdout
    assert "earlier" in result.stdout
    assert "expected: low, s_alice" in result.stdout
    assert "missing: low, s_alice" in result.stdout


def test_what_came_stands_beside_the_event_that_led_to_it(tmp_path: Path) -> None:
    write_rule("too-many-uses", tmp_path, "session")
    file = tmp_path / "too_many_uses.py"
    file.write_text(file.read_text().replace("Field(10,", "Field(9,"))
    [failed] = [one for one in answers(run("test", str(file), "--json")) if not one["passed"]]
    assert failed["name"] == "nine uses"
    assert failed["table"][-1][-1] == "raised low s_alice"
    assert failed["differences"] == ["not expected: low, s_alice: 9 uses in a short time"]


def test_a_shipped_rule_is_tried_on_its_sequences_and_scenarios() -> None:
    cases = answers(run("test", "session-hijack", "--json"))
    assert {case["kind"] for case in cases} == {"sequence", "scenario"}
    assert all(case["passed"] for case in cases)


def test_a_file_that_is_no_rule_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(CommandError, match=r"broken\.py: ZeroDivisionError"):
        run("test", "broken.py")
    with pytest.raises(CommandError, match=r"empty\.py: expected one rule, found 0"):
        run("test", "empty.py")
    with pytest.raises(CommandError, match="there is no such file"):
        run("test", "missing.py")


def test_a_sequence_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    write_rule("too-many-uses", tmp_path, "session")
    (tmp_path / "too_many_uses.yaml").write_text("- {name: a case, given: [soon use bob], then: []}")
    with pytest.raises(CommandError, match=r'too_many_uses\.yaml: "a case", line 1'):
        run("test", str(tmp_path / "too_many_uses.py"))
