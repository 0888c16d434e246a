"""Commands about the response: of a running pipeline, and on the file where none runs."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sessionwatch.cli import app
from sessionwatch.errors import CommandError
from store.database import Database
from store.rows import OutboxMessage
from tests.api.history import HELD, HELD_TOO, OLD_THEFT, THEFT, write_history
from tests.api.installation import Installation, client_configuration, installation, write_configuration

__all__ = ["installation"]

POLICY = """
[response]
max_per_hour = 50
[[response.policy]]
match = {severity = ["critical"]}
do = ["notify", "revoke_session"]
"""


@pytest.fixture(params=["running", "stopped"])
def config(request: pytest.FixtureRequest) -> Path:
    """The configuration of an installation, with its pipeline running and without."""
    return request.getfixturevalue(str(request.param))  # type: ignore[no-any-return]


@pytest.fixture
def running(installation: Installation) -> Path:
    return client_configuration(installation)


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = write_configuration(tmp_path, "127.0.0.1:1", "http://127.0.0.1:1/hook")
    file.write_text(file.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
    with Database.open(tmp_path / "data" / "sessionwatch.duckdb") as database:
        write_history(database.writer(), time.time_ns() // 1_000)
    return file


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--config", str(config)], catch_exceptions=False)


def answers(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_policy_is_explained(config: Path) -> None:
    [found] = answers(run(config, "policy", "explain", OLD_THEFT, "--json"))
    assert (found["why"], found["actions"]) == ("default", ["notify"])
    assert "the user is protected" in found["guard"][0]


def test_it_is_explained_in_words(config: Path) -> None:
    result = run(config, "policy", "explain", OLD_THEFT)
    assert "default: notify" in result.stdout
    assert "left to a person: the user is protected" in result.stdout


def test_a_policy_is_tried_day_by_day(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    [found] = answers(run(config, "policy", "test", str(file), "--since", "30d", "--json"))
    [act] = [act for act in found["acts"] if act["alert_id"] == THEFT]
    assert (act["line"], act["outcome"]) == (1, "done")
    assert "alerts looked at" in run(config, "policy", "test", str(file)).stdout


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[response]\n[[response.policy]]\ndo = ['revoke']", "response.policy[0].do[0]: expected one of"),
        ("[kafka]", "expected a table [response]"),
        ("[response", "not TOML"),
    ],
)
def test_a_policy_file_that_is_none_is_refused_in_one_line(stopped: Path, tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    result = CliRunner().invoke(app, ["policy", "test", str(file), "--config", str(stopped)])
    assert why in str(result.exception)


def test_the_response_is_paused_and_resumed(config: Path) -> None:
    [paused] = answers(run(config, "response", "pause", "--reason", "an exercise", "--json"))
    try:
        assert paused["paused"]["reason"] == "an exercise"
        assert "paused by" in run(config, "response", "show").stdout
    finally:
        [resumed] = answers(run(config, "response", "resume", "--reason", "it is over", "--json"))
    assert resumed["paused"] is None


def test_what_is_not_paused_is_not_resumed(config: Path) -> None:
    with pytest.raises(CommandError, match="it is not paused"):
        run(config, "response", "resume", "--reason", "why not")


@pytest.fixture
def parked(stopped: Path, tmp_path: Path) -> Path:
    message = OutboxMessage(
        "m1", "webhook:bank", "chat.notice", "k", "", "{}", 1, "parked", 3, last_error="answered 500"
    )
    with Database.open(tmp_path / "data" / "sessionwatch.duckdb") as database:
        writer = database.writer()
        with writer.transaction():
            writer.enqueue([message])
    return stopped


def test_the_outbox_lists_what_has_not_left(parked: Path) -> None:
    [row] = answers(run(parked, "outbox", "list", "--json"))
    assert (row["message_id"], row["state"], row["last_error"]) == ("m1", "parked", "answered 500")
    assert "answered 500" in run(parked, "outbox", "list").stdout


def test_a_message_is_tried_anew_and_given_up(parked: Path) -> None:
    where = ["--lane", "webhook:bank", "--reason", "mended"]
    assert answers(run(parked, "outbox", "retry", "m1", *where, "--json")) == [{"lane": "webhook:bank", "messages": 1}]
    assert [row["state"] for row in answers(run(parked, "outbox", "list", "--json"))] == ["pending"]
    assert run(parked, "outbox", "drop", *where).stdout == "1 message of webhook:bank given up\n"
    assert answers(run(parked, "outbox", "list", "--state", "dropped", "--json"))[0]["message_id"] == "m1"


def test_a_state_that_is_none_is_wrong_usage(stopped: Path) -> None:
    assert run(stopped, "outbox", "list", "--state", "lost").exit_code == 2


def test_what_is_held_is_listed_with_its_reason(config: Path) -> None:
    rows = answers(run(config, "response", "held", "--json"))
    assert HELD_TOO in [row["revocation_id"] for row in rows]
    assert {row["state"] for row in rows} == {"held"}
    assert "the user is protected" in run(config, "response", "held").stdout


def test_a_held_one_is_dropped_by_the_shell(stopped: Path) -> None:
    [dropped] = answers(run(stopped, "response", "drop", HELD, "--reason", "she called", "--json"))
    assert (dropped["state"], dropped["history"][-1]["why"]) == ("released", "she called")
    with pytest.raises(CommandError, match="expected one that is held"):
        run(stopped, "response", "approve", HELD, "--reason", "after all")


def test_a_held_one_goes_out_by_the_shell(stopped: Path) -> None:
    [sent] = answers(run(stopped, "response", "approve", HELD_TOO, "--reason", "a thief", "--json"))
    assert sent["state"] in ("requested", "sent")
    assert sent["deliveries"][0]["lane"] == "webhook:bank"
