"""`sessionwatch simulate population` and what it writes."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sample_logs.simulate.attacks import KINDS
from sessionwatch.cli import app
from sessionwatch.config import load
from sessionwatch.errors import CommandError


def simulate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["simulate", *map(str, arguments)], catch_exceptions=False)


def population(*arguments: str | Path) -> Result:
    return simulate("population", "--users", 40, "--days", 2, "--seed", 3, *arguments)  # type: ignore[arg-type]


def test_a_month_is_written_with_its_labels_and_configuration(tmp_path: Path) -> None:
    events, labels, networks = tmp_path / "month.jsonl", tmp_path / "labels.csv", tmp_path / "month.toml"
    result = population("--out", events, "--labels", labels, "--networks", networks, "--json")
    told = json.loads(result.stdout)
    assert told["events"] == len(events.read_bytes().splitlines())
    assert set(told["attacks"]) == set(KINDS)
    rows = list(csv.DictReader(labels.read_text().splitlines()))
    assert sum(row["session_id"].startswith("s_") for row in rows) == told["sessions"]
    assert {"bank", "shop", "sso", "crm", "wiki"} == set(load(networks).apps)


def test_the_configuration_names_every_address_of_the_month(tmp_path: Path) -> None:
    events, networks = tmp_path / "month.jsonl", tmp_path / "month.toml"
    population("--out", events, "--networks", networks)
    result = CliRunner().invoke(app, ["replay", str(events), "--config", str(networks), "--json"])
    assert result.exit_code == 0
    assert " 0 lines refused" in result.stderr
    assert any(json.loads(line)["rule_id"] == "session-hijack" for line in result.stdout.splitlines())


def test_compressed_it_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    first, second, plain = tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz", tmp_path / "c.jsonl"
    for file in (first, second, plain):
        population("--out", file)
    assert first.read_bytes() == second.read_bytes()
    assert gzip.decompress(first.read_bytes()) == plain.read_bytes()


def test_it_goes_to_standard_output_too(tmp_path: Path) -> None:
    file = tmp_path / "month.jsonl"
    population("--out", file, "--attacks", "none")
    assert population("--out", "-", "--attacks", "none").stdout_bytes == file.read_bytes()


def test_a_second_society_and_more_attacks_can_be_had(tmp_path: Path) -> None:
    usual = json.loads(population("--out", tmp_path / "a", "--json").stdout)
    more = ("--society", "roaming", "--attack-rate", "900")
    other = json.loads(population("--out", tmp_path / "b", *more, "--json").stdout)
    assert sum(other["attacks"].values()) > sum(usual["attacks"].values())


def test_an_unknown_attack_is_told_with_the_nearest_one(tmp_path: Path) -> None:
    result = population("--out", tmp_path / "a", "--attacks", "stolen-cooky")
    assert result.exit_code == 2
    assert 'did you mean "stolen-cookie"' in result.output


def test_a_file_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written: no such file or directory"):
        population("--out", tmp_path / "nowhere" / "month.jsonl")


def test_the_kinds_of_attack_are_listed() -> None:
    assert [json.loads(line)["attack"] for line in simulate("kinds", "--json").stdout.splitlines()] == list(KINDS)


def test_what_cannot_be_a_drill_says_so() -> None:
    result = simulate("credential-sharing")
    assert result.exit_code == 2
    assert "needs a history" in result.output
