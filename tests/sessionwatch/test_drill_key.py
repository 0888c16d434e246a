"""The drill key's file: made once, its owner's alone, and told when something is wrong with it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from schemas.instant import MINUTE, to_rfc3339
from sessionwatch.drill_key import make_drill_key, read_drill_key
from sessionwatch.errors import ConfigurationError


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "sessionwatch.duckdb"


def test_the_first_start_makes_it_for_its_owner_alone(store: Path) -> None:
    make_drill_key(store)
    assert stat.S_IMODE((store.parent / "drill.key").stat().st_mode) == 0o600


def test_the_next_start_uses_the_same(store: Path) -> None:
    until_us = 1_800_000_000_000_000
    drill = make_drill_key(store).sign("brute-force", "bank", until_us)
    event = {"drill": drill, "app": "bank", "user_id": "sw-drill-1", "event_time": to_rfc3339(until_us - MINUTE)}
    assert make_drill_key(store).counts(event)
    assert read_drill_key(store).counts(event)


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (None, 0o600, "first start makes it"),
        ("not base64!", 0o600, "no drill key"),
        ("c2hvcnQ=", 0o600, "no drill key"),
        ("A" * 43 + "=", 0o644, "others may read"),
    ],
)
def test_a_wrong_one_is_told_in_one_line(store: Path, content: str | None, mode: int, said: str) -> None:
    file = store.parent / "drill.key"
    if content is not None:
        file.write_text(content)
        file.chmod(mode)
    with pytest.raises(ConfigurationError, match=said) as refused:
        read_drill_key(store)
    assert "\n" not in str(refused.value)
