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


def test_every_field_of_the_documents_has_its_place() -> None:
    for name in (*document("ocsf"), *document("ecs")):
        told = name in PAGE or name in {
            "ecs",
            "observer",
            "activity_name",
            "confidence",
            "status",
            "severity",
            "type_name",
        }
        assert told or name.startswith(("category", "class", "is_alert")), name
