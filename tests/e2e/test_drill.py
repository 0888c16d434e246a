"""Fire drills against a running deployment: an attack on a reserved user, noticed, told and answered, or missed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sessionwatch.cli import app
from sessionwatch.errors import CommandError
from tests.e2e.rig import Scene, eventually, scene
from tests.response.receivers import Receiver
from tests.store.audit_lines import audit_lines


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, broker: str) -> Iterator[Scene]:
    """A bank, its chat, and the pipeline that watches over it."""
    with scene(tmp_path_factory.mktemp("drill"), broker) as running:
        yield running


@pytest.fixture(scope="module")
def config(deployment: Scene) -> Path:
    """The configuration as the command reads it: with the port that the pipeline was given."""
    text = (deployment.folder / "sessionwatch.toml").read_text()
    file = deployment.folder / "client.toml"
    file.write_text(text.replace('listen = "127.0.0.1:0"', f'listen = "127.0.0.1:{deployment.api_port}"'))
    return file


def simulate(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["simulate", *arguments, "--config", str(config)], catch_exceptions=False)


def facts(result: Result) -> dict[str, Any]:
    return json.loads(result.stdout)  # type: ignore[no-any-return]


def test_a_drill_is_detected_told_and_answered(deployment: Scene, config: Path) -> None:
    result = simulate(config, "stolen-cookie", "--app", "bank", "--revoke", "--within", "20s", "--json")
    found = facts(result)
    assert result.exit_code == 0, result.output
    assert (found["detected"], found["told"], found["revoked"]) == (True, True, True)
    assert "session-hijack" in {alert["rule_id"] for alert in found["alerts"]}


def test_without_being_asked_to_a_drill_ends_no_session(deployment: Scene, config: Path) -> None:
    before = len(deployment.reader.revocations())
    result = simulate(config, "stolen-cookie", "--within", "20s", "--json")
    assert result.exit_code == 0
    assert len(deployment.reader.revocations()) == before


def test_the_alerts_of_a_drill_say_that_they_are_one(deployment: Scene, config: Path) -> None:
    found = facts(simulate(config, "replay-after-logout", "--app", "bank", "--within", "20s", "--json"))
    marks = {deployment.reader.alert(alert["alert_id"]).drill for alert in found["alerts"]}  # type: ignore[union-attr]
    assert marks == {found["drill"]}


def test_the_table_says_what_happened(config: Path) -> None:
    result = simulate(config, "brute-force", "--within", "20s")
    assert result.exit_code == 0, result.output
    lines = dict(line.split(None, 1) for line in result.stdout.splitlines())
    assert lines["detected"].startswith("yes, after")
    assert "brute-force-user" in lines["detected"]
    assert lines["revoked"] == "not asked for"


def test_a_campaign_is_on_reserved_users_alone(deployment: Scene, config: Path) -> None:
    found = facts(simulate(config, "password-spray", "--within", "20s", "--json"))
    assert found["detected"]
    assert found["user"].startswith("sw-drill-")


def test_somebody_who_is_not_reserved_is_left_alone(config: Path) -> None:
    with pytest.raises(CommandError, match="sw-drill-"):
        simulate(config, "stolen-cookie", "--user", "alice")


def test_an_admin_may_name_somebody(deployment: Scene, config: Path) -> None:
    found = facts(simulate(config, "stolen-cookie", "--user", "alice", "--admin-named", "--within", "20s", "--json"))
    assert (found["detected"], found["user"]) == (True, "alice")
    named = [line.why for line in audit_lines(deployment.reader) if line.act == "drill begun"]
    assert "stolen-cookie on a user whom an admin named" in named


def test_a_campaign_cannot_be_about_a_named_user(config: Path) -> None:
    with pytest.raises(CommandError, match="many users"):
        simulate(config, "password-spray", "--user", "alice", "--admin-named")


@pytest.fixture
def blind(tmp_path: Path, broker: str) -> Iterator[tuple[Scene, Path]]:
    """A deployment in which the rules for a stolen cookie were switched off."""
    with scene(tmp_path, broker, switched_off=("session-hijack", "session-multi-network")) as running:
        file = tmp_path / "client.toml"
        text = (tmp_path / "sessionwatch.toml").read_text()
        file.write_text(text.replace('listen = "127.0.0.1:0"', f'listen = "127.0.0.1:{running.api_port}"'))
        yield running, file


def test_a_drill_on_schedule_that_is_missed_is_itself_an_alert(blind: tuple[Scene, Path], tmp_path: Path) -> None:
    deployment, config = blind
    drills = tmp_path / "drills.toml"
    drills.write_text('[[drills]]\nattack = "stolen-cookie"\nevery = "24h"\nwithin = "1s"\nrevoke = true\n')
    result = simulate(config, "--drill-file", str(drills), "--once", "--json")
    assert result.exit_code == 1
    assert facts(result)["missed"] == ["detected", "told", "revoked"]
    eventually(lambda: "drill-missed" in deployment.rules())
    eventually(lambda: any("stolen-cookie was not detected" in text for text in deployment.told()))


def test_drills_in_a_file_are_checked_before_any_is_made(config: Path, tmp_path: Path) -> None:
    drills = tmp_path / "drills.toml"
    drills.write_text('[[drills]]\nattack = "stolen-cooky"\n\n[[drills]]\nattack = "brute-force"\nevrey = "1h"\n')
    with pytest.raises(CommandError) as refused:
        simulate(config, "--drill-file", str(drills), "--once")
    assert 'did you mean "stolen-cookie"' in str(refused.value)
    assert "drills[1].evrey" in str(refused.value)


def test_a_schedule_repeats_until_it_is_stopped(deployment: Scene, config: Path) -> None:
    import threading

    from sessionwatch.commands.simulate import connect
    from sessionwatch.config import load
    from sessionwatch.drills.outcome import Outcome
    from sessionwatch.drills.plan import DrillPlan
    from sessionwatch.drills.schedule import Schedule

    settings, stop = load(config), threading.Event()
    outcomes: list[Outcome] = []

    def told(outcome: Outcome, _alert_id: str | None) -> None:
        outcomes.append(outcome)
        if len(outcomes) == 2:
            stop.set()

    plan = DrillPlan.model_validate({"attack": "mfa-fatigue", "every": "100ms", "within": "20s", "tell": False})
    began = time.monotonic()
    Schedule(settings, [plan], lambda: connect(settings, None), told, lambda _plan, why: pytest.fail(why)).run(stop)
    assert [outcome.missed for outcome in outcomes] == [[], []]
    assert outcomes[0].user_id != outcomes[1].user_id
    assert time.monotonic() - began < 30


def test_where_no_pipeline_answers_the_chats_are_told_directly(tmp_path: Path) -> None:
    with Receiver() as chat:
        config = tmp_path / "sessionwatch.toml"
        config.write_text(
            f'[api]\nlisten = "127.0.0.1:1"\n[apps.bank]\n[[chat]]\nurl = "json://127.0.0.1:{chat.port}/"\n'
        )
        drills = tmp_path / "drills.toml"
        drills.write_text('[[drills]]\nattack = "stolen-cookie"\n')
        assert simulate(config, "--drill-file", str(drills), "--once").exit_code == 1
        [call] = chat.calls
        assert "Drill stolen-cookie at bank could not be carried out" in json.loads(call.body)["title"]
