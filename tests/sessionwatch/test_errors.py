"""Which errors are written for people."""

from __future__ import annotations

import importlib

import pytest

from sessionwatch.errors import ROOM_ERRORS, CommandError, is_expected


@pytest.mark.parametrize("name", sorted(ROOM_ERRORS))
def test_every_family_that_is_named_exists(name: str) -> None:
    module, _, family = name.rpartition(".")
    error = getattr(importlib.import_module(module), family)
    assert is_expected(error("a line"))


def test_the_front_doors_own_errors_are_expected() -> None:
    assert is_expected(CommandError("a line"))


def test_a_defect_is_not_expected() -> None:
    assert not is_expected(KeyError("x"))
