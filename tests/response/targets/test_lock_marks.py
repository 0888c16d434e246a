"""Marks of locks: they outlive the process, and a mark is of one lock alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from response.targets.lock_marks import LockMarks


def test_a_mark_is_there_until_it_is_cleared(tmp_path: Path) -> None:
    LockMarks(tmp_path / "locks").set("r-1")
    assert "r-1" in LockMarks(tmp_path / "locks")
    assert "r-2" not in LockMarks(tmp_path / "locks")
    LockMarks(tmp_path / "locks").clear("r-1")
    assert "r-1" not in LockMarks(tmp_path / "locks")


def test_what_was_never_marked_can_be_cleared(tmp_path: Path) -> None:
    LockMarks(tmp_path / "locks").clear("r-1")


def test_marks_are_for_the_owner_alone(tmp_path: Path) -> None:
    LockMarks(tmp_path / "locks").set("r-1")
    assert [oct(path.stat().st_mode & 0o777) for path in (tmp_path / "locks", tmp_path / "locks" / "r-1")] == [
        "0o700", "0o600",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["..", "", "a/b", "a" * 65])
def test_a_mark_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not the id of a revocation"):
        LockMarks(tmp_path / "locks").set(name)
