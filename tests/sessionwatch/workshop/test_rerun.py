"""`rules rerun`: after an outage, what was missed is raised: late, once, and nobody's session is ended for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sessionwatch.cli import app
from sessionwatch.config import load
from store.database import Database
from tests.sessionwatch.workshop.stored import events_of, store, write_configuration
from tests.store.audit_lines import audit_lines

EXCEPTED = """
[[exceptions]]
rule = "session-hijack"
where = { user_id = "alice" }
owner = "red team"
reason = "an exercise"
expires = 2027-01-31
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A store whose events were judged by nobody, and a policy that would revoke."""
    file = write_configuration(tmp_path, extra="[response]\ndry_run = false\n")
    text = file.read_text().replace("[rules.session-hijack]\n", '[rules.session-hijack]\nmode = "enforce"\n')
    file.write_text(text)
    store(load(file), events_of("stolen-next-door", "three-cities-in-a-minute"))
    return file


def run(config: Path, *arguments: str) -> Result:
    command = ["rules", "rerun", "--from", "2026-11-01", *arguments, "--config", str(config)]
    return CliRunner().invoke(app, command, catch_exceptions=False)


def raised(config: Path, *arguments: str) -> list[dict[str, Any]]:
    result = run(config, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def stored(config: Path) -> list[Any]:
    with Database.open(load(config).store.path, read_only=True) as database:
        return database.reader().alerts()


def test_what_was_missed_is_raised_and_marked_late(config: Path) -> None:
    told = raised(config)
    assert {"session-hijack", "session-multi-network", "user-multi-ip"} <= {one["rule_id"] for one in told}
    alerts = stored(config)
    assert {alert.alert_id for alert in alerts} == {one["alert_id"] for one in told}
    assert all(alert.late for alert in alerts)


def test_none_is_raised_twice(config: Path) -> None:
    first = raised(config)
    assert raised(config) == []
    assert len(stored(config)) == len(first)


def test_nobodys_session_is_ended_for_it(config: Path) -> None:
    hijack = next(one for one in raised(config) if one["rule_id"] == "session-hijack")
    assert hijack["severity"] == "critical"
    with Database.open(load(config).store.path, read_only=True) as database:
        reader = database.reader()
        assert reader.revocations() == []
        acts = [line.act for line in audit_lines(reader)]
    assert "missed alerts raised" in acts


def test_only_some_rules_may_be_asked(config: Path) -> None:
    assert {one["rule_id"] for one in raised(config, "--rule", "user-multi-ip")} == {"user-multi-ip"}
    assert "session-hijack" in {one["rule_id"] for one in raised(config)}


def test_a_rule_that_is_made_of_others_may_be_asked_alone(tmp_path: Path) -> None:
    file = write_configuration(tmp_path)
    store(load(file), events_of("many-weak-signs"))
    assert {one["rule_id"] for one in raised(file, "--rule", "risk-threshold")} == {"risk-threshold"}


def test_an_exception_of_today_holds_for_the_past(config: Path) -> None:
    config.write_text(f"{config.read_text()}\n{EXCEPTED}")
    raised(config)
    [excepted] = [one for one in stored(config) if one.rule_id == "session-hijack"]
    assert (excepted.mode, excepted.suppressed_by) == ("shadow", "red team: an exercise")


def test_what_is_set_for_one_app_holds_for_the_past(config: Path) -> None:
    config.write_text(f'{config.read_text()}\n[rules.session-hijack.apps.bank]\nmode = "off"\n')
    assert "session-hijack" not in {one["rule_id"] for one in raised(config)}


def test_a_span_without_any_raises_none(config: Path) -> None:
    assert raised(config, "--to", "2026-11-02T07:00:00Z") == []
    assert stored(config) == []


def test_for_people_it_is_a_table_and_a_line(config: Path) -> None:
    result = run(config)
    assert "◆ critical" in result.stdout
    assert "are raised now, marked late" in result.stderr


def test_an_unknown_rule_is_one_line(config: Path) -> None:
    result = CliRunner().invoke(app, ["rules", "rerun", "--from", "1d", "--rule", "x", "--config", str(config)])
    assert 'no rule is named "x"' in str(result.exception)
