"""The configuration that `docs/siem.md` shows is valid, and its table names what is really sent."""

from __future__ import annotations

import re
from pathlib import Path

from sessionwatch.config import load
from sessionwatch.config.siem import SiemSettings
from sessionwatch.siem import open_destinations
from tests.docs.blocks import ROOT
from tests.response.siem.given import document

PAGE = (ROOT / "docs" / "siem.md").read_text()


def test_what_it_shows_opens_a_destination_of_every_way(tmp_path: Path) -> None:
    [block] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "sessionwatch.toml"
    file.write_text(block)
    settings = load(file, {})
    assert {one.to for one in settings.siem} == {"kafka", "file", "syslog"}
    assert [one.name for one in open_destinations(settings)] == ["lake", "filebeat", "soc"]


def test_every_key_has_its_place() -> None:
    for key in SiemSettings.model_fields:
        assert f"`{key}`" in PAGE, key


def named(column: int) -> set[str]:
    """The first words of the fields that a column of the mapping's table names."""
    rows = [line.split("|") for line in PAGE.partition("## The mapping")[2].splitlines() if line.startswith("|")]
    fields = [field for row in rows for field in re.findall(r"`([^`]+)`", row[column])]
    return {re.split(r"[.\[ ]", field)[0] for field in fields} - {""}


def test_every_field_of_the_ocsf_document_has_its_place() -> None:
    # What only spells out a number beside it, and what is the same in every document.
    spelt = {"activity_name", "category_name", "class_name", "confidence", "severity", "status", "type_name"}
    assert document("ocsf").keys() - spelt - {"category_uid", "is_alert"} <= named(2)


def test_every_field_of_the_ecs_document_has_its_place() -> None:
    assert document("ecs").keys() - {"ecs", "observer"} <= named(3)
