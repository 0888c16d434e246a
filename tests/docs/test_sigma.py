"""The example of the page on Sigma works as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.sigma.ecs import ECS_FIELDS
from detectors.sigma.fields import FIELDS
from sessionwatch.config import load
from sessionwatch.config.parts import rule_plan
from sessionwatch.workshop.sigma import run_sigma_tests
from tests.docs.blocks import ROOT, block

PAGE = (ROOT / "docs" / "sigma.md").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sigma = tmp_path / "sigma"
    sigma.mkdir()
    (sigma / "guessed-at-last.yml").write_text(block("docs/sigma.md", "rule"))
    (sigma / "guessed-at-last.test.yml").write_text(block("docs/sigma.md", "tests"))
    (tmp_path / "sessionwatch.toml").write_text(block("docs/sigma.md", "configuration"))
    return tmp_path


def test_the_sequences_beside_the_example_hold(folder: Path) -> None:
    played = run_sigma_tests(folder / "sigma" / "guessed-at-last.yml")
    assert len(played) == 4
    assert [one.sequence.name for one in played if not one.passed] == []


def test_the_configuration_takes_the_rule_in(folder: Path) -> None:
    settings = load(folder / "sessionwatch.toml", {})
    (rule,) = rule_plan(settings, ["guessed-at-last"]).instances()
    assert rule.active_mode == "shadow"
    assert rule.key == "user"
    assert rule.attack == ("T1110.001",)


def test_every_field_is_named() -> None:
    for name in FIELDS:
        assert f"`{name}`" in PAGE, name


def test_every_ecs_name_is_named() -> None:
    for name in ECS_FIELDS:
        assert f"`{name}`" in PAGE or f"`{str(name).replace('client.', 'source.')}`" in PAGE, name
