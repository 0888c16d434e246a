"""`rules backtest`: what a rule would have raised, from the store's file, without touching it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sample_logs.scenario import FOLDER
from sessionwatch.cli import app
from sessionwatch.errors import CommandError
from sessionwatch.workshop.template import write_rule
from tests.sessionwatch.workshop.stored import config

__all__ = ["config"]


def run(config: Path, *arguments: str) -> Result:
    command = ["rules", "backtest", *arguments, "--config", str(config)]
    return CliRunner().invoke(app, command, catch_exceptions=False)


def found(config: Path, *arguments: str) -> dict[str, Any]:
    result = run(config, *arguments, "--from", "2026-11-01", "--json")
    assert result.exit_code == 0, result.output
    [line] = result.stdout.splitlines()
    answer: dict[str, Any] = json.loads(line)
    return answer


def test_it_tells_what_the_rule_would_have_raised(config: Path) -> None:
    told = found(config, "session-multi-network")
    assert told["alerts"] == told["alerts_live"] == 2
    assert told["per_day"] == {"2026-11-02": 2}
    assert told["by_severity"] == {"medium": 1, "low": 1}
    assert {"key": "session s_demo_alice", "hits": 2} in told["top_keys"]
    assert told["gained"] == told["lost"] == []


def test_other_rules_that_tell_of_the_same_are_named(config: Path) -> None:
    assert found(config, "session-multi-network")["overlap"]["session-hijack"] == 1


def test_what_a_change_would_gain_and_lose_is_told_one_by_one(config: Path) -> None:
    told = found(config, "session-multi-network", "--set", "window=50s")
    assert told["parameters"]["window"] == "50s"
    assert [alert["key"] for alert in told["lost"]] == ["session s_demo_dora"]
    assert told["gained"] == []
    back = found(config, "user-multi-ip", "--set", "networks=2", "--set", "window=1h")
    assert {alert["key"] for alert in back["gained"]} >= {"user alice"}


def test_each_number_is_moved_a_step(config: Path) -> None:
    told = found(config, "user-multi-ip")
    moved = {(one["parameter"], one["value"]): one["alerts"] for one in told["neighbours"]}
    assert set(moved) == {("networks", 2), ("networks", 4), ("window", "9m"), ("window", "11m")}
    assert moved["networks", 2] > moved["networks", 4] == 0


def test_only_alerts_of_the_span_count_and_what_led_to_them_is_known(config: Path) -> None:
    early = found(config, "session-hijack", "--to", "2026-11-02T08:04:00Z")
    assert early["alerts"] == 0
    result = run(config, "session-hijack", "--from", "2026-11-02T08:04:00Z", "--json")
    assert json.loads(result.stdout)["alerts"] == 1


def test_a_rule_in_the_making_gains_everything(config: Path, tmp_path: Path) -> None:
    write_rule("too-many-uses", tmp_path / "mine", "session")
    told = found(config, str(tmp_path / "mine" / "too_many_uses.py"), "--set", "uses=2", "--set", "window=1h")
    assert told["alerts"] == len(told["gained"]) > 0
    assert told["alerts_live"] == 0


def test_a_file_of_events_can_be_asked(config: Path) -> None:
    told = found(config, "session-hijack", "--file", str(FOLDER / "stolen-cookie.jsonl"))
    assert (told["events"], told["alerts"]) == (6, 1)


def test_nothing_is_written(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "data" / "events.duckdb"
    before = file.read_bytes()
    run(config, "session-hijack", "--from", "2026-11-01")
    assert file.read_bytes() == before


def test_for_people_it_is_a_page(config: Path) -> None:
    printed = run(config, "session-multi-network", "--from", "2026-11-01", "--set", "window=50s").stdout
    for said in ("1 alerts, live 2", "alerts a day", "most hits", "near the threshold", "gained: none", "lost: 1"):
        assert said in printed


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ("limit=3", 'user-multi-ip has no parameter "limit"; it has: networks, window'),
        ("networks=-1", "user-multi-ip: networks"),
        ("window=soon", "user-multi-ip: window"),
    ],
)
def test_a_change_that_cannot_be_is_one_line(config: Path, changes: str, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        run(config, "user-multi-ip", "--set", changes)


@pytest.mark.parametrize("arguments", [("--set", "networks"), ("--from", "soon"), ("--from", "1h", "--to", "2h")])
def test_wrong_usage_is_told_as_such(config: Path, arguments: tuple[str, ...]) -> None:
    assert run(config, "user-multi-ip", *arguments).exit_code == 2
