"""Commands where no pipeline runs: they read the store's file, and open it for a moment to write."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sessionwatch.cli import app
from sessionwatch.commands.dashboard import streamlit_command
from sessionwatch.config import load
from store.database import Database
from store.errors import StoreMissing
from tests.api.history import CAMPAIGN, HELD, STOLEN, THEFT, write_history
from tests.api.installation import write_configuration
from tests.response.receivers import Receiver


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose port nobody listens on, and a store with history."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = write_configuration(tmp_path, "127.0.0.1:1", "http://127.0.0.1:1/hook")
    file.write_text(file.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
    return file


@pytest.fixture
def stored(config: Path, tmp_path: Path) -> Path:
    with Database.open(tmp_path / "data" / "sessionwatch.duckdb") as database:
        write_history(database.writer(), time.time_ns() // 1_000)
    return config


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--config", str(config)], catch_exceptions=False)


def answers(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_it_says_in_one_line_that_the_file_is_read(stored: Path) -> None:
    result = run(stored, "alerts", "list", "--severity", "critical", "--json")
    assert [alert["alert_id"] for alert in answers(result)] == [THEFT]
    [line] = result.stderr.splitlines()
    assert line.startswith("no pipeline answers at http://127.0.0.1:")
    assert line.endswith("sessionwatch.duckdb")


def test_a_campaign_and_its_alerts(stored: Path) -> None:
    [campaign] = answers(run(stored, "campaigns", "list", "--json"))
    assert (campaign["campaign_id"], campaign["alerts"]) == (CAMPAIGN, 2)
    [whole] = answers(run(stored, "campaigns", "show", CAMPAIGN, "--json"))
    assert THEFT in {member["alert_id"] for member in whole["members"]}
    shown = run(stored, "campaigns", "show", CAMPAIGN).stdout
    assert "network 198.51.100.0/24: 2 alerts" in shown
    members = answers(run(stored, "alerts", "list", "--all", "--campaign", CAMPAIGN, "--json"))
    assert {alert["campaign_id"] for alert in members} == {CAMPAIGN}


def test_users_are_listed_by_risk_with_what_each_alert_adds(stored: Path) -> None:
    [alice] = answers(run(stored, "users", "list", "--json"))
    assert (alice["user_id"], len(alice["risk"]["contributions"])) == ("alice", 2)
    assert "session-hijack 85, session-hijack 29" in run(stored, "users", "list").stdout
    assert answers(run(stored, "users", "list", "--app", "nowhere", "--json")) == []


def test_what_is_shown_is_what_the_api_would_show(stored: Path) -> None:
    [alert] = answers(run(stored, "alerts", "show", THEFT, "--json"))
    assert (alert["user_id"], alert["now"]["country"]) == ("alice", "NL")


def test_sessions_and_refused_messages_are_listed(stored: Path) -> None:
    sessions = answers(run(stored, "sessions", "list", "--live", "--json"))
    assert STOLEN in [session["session_id"] for session in sessions]
    letters = answers(run(stored, "dlq", "list", "--content", "--json"))
    assert (len(letters), letters[0]["content"]) == (5, "not JSON �")


def test_reading_changes_nothing(stored: Path, tmp_path: Path) -> None:
    file = tmp_path / "data" / "sessionwatch.duckdb"
    before = file.read_bytes()
    run(stored, "alerts", "list")
    assert file.read_bytes() == before


def test_a_revocation_waits_in_the_outbox_for_the_next_start(stored: Path, tmp_path: Path) -> None:
    [made] = answers(run(stored, "revoke", "session", "bank", STOLEN, "--reason", "stolen", "--json"))
    assert made["requested_by"].endswith(" at the command line")
    with Database.open(tmp_path / "data" / "sessionwatch.duckdb", read_only=True) as database:
        reader = database.reader()
        pending = [message.subject for message in reader.pending_messages()]
        acts = [line.act for line in reader.acts([made["revocation_id"]])]
        reader.close()
    assert pending == [made["revocation_id"]]
    assert acts == ["revocation requested"]


def test_with_the_pipeline_down_the_app_is_told_by_the_command(stored: Path) -> None:
    with Receiver() as receiver:
        stored.write_text(stored.read_text().replace("http://127.0.0.1:1/hook", receiver.url))
        [made] = answers(run(stored, "revoke", "session", "bank", STOLEN, "--reason", "stolen", "--json"))
    assert made["proven"] == "delivered, not proven"
    [call] = receiver.calls
    assert call.verified()["type"] == "session.revoked"


def test_a_login_is_locked_and_let_go_by_hand(stored: Path) -> None:
    with Receiver() as receiver:
        stored.write_text(stored.read_text().replace("http://127.0.0.1:1/hook", receiver.url))
        [made] = answers(run(stored, "revoke", "login", "bank", "alice", "--for", "2h", "--reason", "stolen", "--json"))
        [released] = answers(run(stored, "release", made["revocation_id"], "--reason", "she called", "--json"))
    assert (made["scope"], made["proven"], released["state"]) == ("login", "delivered, not proven", "released")
    assert [call.verified()["type"] for call in receiver.calls] == ["session.login_locked", "session.released"]


def test_for_how_long_has_to_be_a_duration(stored: Path) -> None:
    asked = ["revoke", "login", "bank", "alice", "--for", "long", "--reason", "stolen", "--config", str(stored)]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 2
    assert 'expected a duration such as "15m"' in result.output


def test_a_held_one_is_released(stored: Path) -> None:
    [released] = answers(run(stored, "release", HELD, "--reason", "it was a drill", "--json"))
    assert (released["state"], released["note"]) == ("released", "it was a drill")


def test_a_second_release_is_refused_in_one_line(stored: Path) -> None:
    run(stored, "release", HELD, "--reason", "it was a drill")
    result = CliRunner().invoke(app, ["release", HELD, "--reason", "again", "--config", str(stored)])
    assert "it is released, expected one that is not released yet" in str(result.exception)


def test_a_file_that_is_not_there_is_told(config: Path) -> None:
    result = CliRunner().invoke(app, ["alerts", "list", "--config", str(config)])
    assert isinstance(result.exception, StoreMissing)


def test_the_console_is_started_without_a_token(config: Path, tmp_path: Path) -> None:
    command = streamlit_command(load(config, {}), tmp_path / "app.py", 8501)
    assert "--server.headless" in command
    assert "token" not in " ".join(command)


def test_the_digest_is_made_of_the_file(stored: Path) -> None:
    [told] = answers(run(stored, "digest", "weekly", "--json"))
    assert told["kind"] == "weekly"
    assert run(stored, "digest", "weekly").stdout.startswith("Weekly digest, ")


def test_a_digest_has_one_of_two_rhythms(stored: Path) -> None:
    result = CliRunner().invoke(app, ["digest", "monthly", "--config", str(stored)])
    assert result.exit_code == 2
    assert "expected daily or weekly" in result.output


def test_an_alert_is_taken_decided_and_given_up_again_without_a_pipeline(stored: Path) -> None:
    [taken] = answers(run(stored, "alerts", "triage", THEFT, "--take", "--json"))
    assert taken["status"] == "acknowledged"
    assert taken["owner"] is not None
    [decided] = answers(run(stored, "alerts", "triage", THEFT, "--verdict", "benign", "--note", "her train", "--json"))
    assert (decided["status"], decided["verdict"], decided["note"]) == ("resolved", "benign", "her train")
    [undone] = answers(run(stored, "alerts", "triage", THEFT, "--undo", "--json"))
    assert (undone["status"], undone["verdict"]) == ("acknowledged", None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "expected one of status, verdict, note, assign, undo"),
        (["--verdict", "wrong"], "Input should be 'benign', 'false_alarm' or 'confirmed'"),
        (["--take", "--give-back"], "cannot be taken and given back at once"),
        (["--undo", "--take"], "undo stands alone"),
    ],
)
def test_a_decision_that_says_nothing_sensible_is_wrong_usage(stored: Path, options: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["alerts", "triage", THEFT, *options, "--config", str(stored)])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
