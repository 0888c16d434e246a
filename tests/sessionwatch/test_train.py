"""`sessionwatch train`, and what the commands make of a model."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sessionwatch.cli import app
from sessionwatch.config import load
from sessionwatch.config.models import CARD
from sessionwatch.config.parts import rule_plan
from sessionwatch.errors import CommandError
from store.database import Database
from tests.detectors.learned.past import ordinary_sessions
from tests.detectors.story import flagged

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ten simulated days of sixty people, and their configuration."""
    folder = tmp_path_factory.mktemp("month")
    run(
        "simulate", "population", "--users", "60", "--days", "10", "--seed", "5", "--out", folder / "month.jsonl",
        "--labels", folder / "labels.csv", "--networks", folder / "month.toml",
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def models(month: Path) -> Path:
    """A folder with a model of them."""
    folder = month / "models"
    # Of so few sessions none is one in a thousand.
    told = ("--per-thousand", "20")
    assert (
        run("train", month / "month.jsonl", "--models", folder, "--config", month / "month.toml", *told).exit_code == 0
    )
    return folder


def with_models(month: Path, models: Path, more: str = "") -> Path:
    file = month / f"with-{abs(hash(more))}.toml"
    file.write_text((month / "month.toml").read_text() + f'\n[models]\npath = "{models}"\n{more}')
    return file


def alerts(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_it_says_what_it_has_learned_from(month: Path, tmp_path: Path) -> None:
    result = run(
        "train", month / "month.jsonl", "--models", tmp_path, "--config", month / "month.toml", "--json"
    )  # fmt: skip
    told = json.loads(result.stdout)
    assert told["sessions"] > 1_000
    assert told["days"] == 10
    assert told["young"] is False
    assert (tmp_path / CARD).exists()


def test_the_same_file_and_seed_give_the_same_model(month: Path, models: Path, tmp_path: Path) -> None:
    run(
        "train", month / "month.jsonl", "--models", tmp_path, "--config", month / "month.toml", "--per-thousand", "20"
    )  # fmt: skip
    first, again = (json.loads((folder / CARD).read_text()) for folder in (models, tmp_path))
    assert first["model_id"] == again["model_id"]


def test_a_replay_with_a_model_tells_in_shadow(month: Path, models: Path) -> None:
    config = with_models(month, models)
    found = alerts(run("replay", month / "month.jsonl", "--rules", "session-outlier", "--config", config, "--json"))
    assert found
    assert {alert["mode"] for alert in found} == {"shadow"}
    assert all(alert["model_id"].startswith("session-outlier-") for alert in found)
    assert all(1 <= len(alert["usual"]) <= 3 for alert in found)


def test_a_replay_without_a_model_has_no_learned_detector(month: Path) -> None:
    result = run(
        "replay", month / "month.jsonl", "--rules", "session-outlier", "--config", month / "month.toml", "--json"
    )
    assert alerts(result) == []


def test_the_operator_promotes_it(month: Path, models: Path) -> None:
    config = with_models(month, models, '[rules.session-outlier]\nmode = "alert"\n')
    found = alerts(run("replay", month / "month.jsonl", "--rules", "session-outlier", "--config", config, "--json"))
    assert {alert["mode"] for alert in found} == {"alert"}


def test_a_young_model_stays_in_shadow_and_that_is_said_once(
    month: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    young = tmp_path / "young"
    young.mkdir()
    for path in models.iterdir():
        (young / path.name).write_bytes(path.read_bytes())
    card = json.loads((young / CARD).read_text())
    (young / CARD).write_text(json.dumps({**card, "sessions": 999}))
    config = with_models(month, young, '[rules.session-outlier]\nmode = "enforce"\n')
    result = run("replay", month / "month.jsonl", "--rules", "session-outlier", "--config", config, "--json")
    assert {alert["mode"] for alert in alerts(result)} == {"shadow"}
    assert result.stderr.count("stays in shadow") == 1


def test_a_model_that_cannot_be_used_is_absent_and_that_is_said_in_one_line(month: Path, tmp_path: Path) -> None:
    (tmp_path / CARD).write_text("{}")
    config = with_models(month, tmp_path)
    result = run("replay", month / "month.jsonl", "--rules", "session-outlier", "--config", config, "--json")
    assert alerts(result) == []
    assert result.stderr.count("session-outlier is absent") == 1


def test_the_model_is_part_of_what_state_means(month: Path, models: Path) -> None:
    plans = [rule_plan(load(file, {})) for file in (month / "month.toml", with_models(month, models))]
    assert [plan.model is not None for plan in plans] == [False, True]
    assert ["session-outlier" in plan.classes for plan in plans] == [False, True]


def test_too_little_to_learn_from_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "few.jsonl").write_text("")
    with pytest.raises(CommandError, match="only 0 sessions with enough uses to look at"):
        run("train", tmp_path / "few.jsonl", "--models", tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_it_learns_from_what_is_stored_and_leaves_out_what_was_flagged(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "sessionwatch.toml"
    config.write_text(f'[store]\npath = "store.duckdb"\n[api]\nlisten = "127.0.0.1:{port}"\n')
    with Database.open(tmp_path / "store.duckdb") as database:
        writer = database.writer()
        with writer.transaction():
            writer.append_events(list(ordinary_sessions()))
            writer.append_signals([flagged(f"u{number}", 0, f"u{number}") for number in range(10)])
    result = run("train", "--models", tmp_path / "models", "--since", "2026-10-01", "--config", config, "--json")
    told = json.loads(result.stdout)
    assert (told["sessions"], told["left_out"], told["young"]) == (390, 10, True)
    assert (tmp_path / "models" / CARD).exists()


@pytest.mark.parametrize("option", [("--per-thousand", "0"), ("--per-thousand", "500"), ("--seed", "-1")])
def test_wrong_usage_is_refused(option: tuple[str, str], tmp_path: Path) -> None:
    assert run("train", tmp_path / "x.jsonl", *option).exit_code == 2
