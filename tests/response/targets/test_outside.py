"""A target of an installed package: found by its entry point, held to the shape of a target."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from response.errors import TargetRefused
from response.outcome import DELIVERED, Outcome
from response.targets.contract import Case, examine
from response.targets.outside import GROUP, TargetOptions, outside_target
from schemas.revocation import Scope
from store.rows import OutboxMessage


class Pager:
    """A target as somebody else writes one."""

    kind = "pager"
    scopes: frozenset[Scope] = frozenset({"session"})
    kinds = frozenset({"session.revoked"})

    def __init__(self, options: TargetOptions) -> None:
        self.name, self.app = options.name, options.app
        self._number = options.options["number"]

    def deliver(self, _message: OutboxMessage) -> Outcome:
        return DELIVERED if self._number != "0" else Outcome("retry", "the line is dead")

    def close(self) -> None:
        """Hold nothing open."""


@pytest.fixture
def points() -> Iterator[list[EntryPoint]]:
    module = ModuleType("pager_package")
    module.Pager = Pager  # type: ignore[attr-defined]
    module.nothing = lambda _options: object()  # type: ignore[attr-defined]
    sys.modules["pager_package"] = module
    yield [
        EntryPoint("pager", "pager_package:Pager", GROUP),
        EntryPoint("nothing", "pager_package:nothing", GROUP),
        EntryPoint("broken", "pager_package:Missing", GROUP),
    ]
    del sys.modules["pager_package"]


def options(number: str = "555", **more: str) -> TargetOptions:
    return TargetOptions("night", "bank", {"number": number, **more})


def test_a_plug_in_makes_a_target_that_keeps_the_contract(points: list[EntryPoint]) -> None:
    case = Case(
        make=lambda: outside_target("pager", options(), points),
        broken=lambda: outside_target("pager", options("0"), points),
    )
    assert examine(case) == []


@pytest.mark.parametrize(
    ("plugin", "given", "why"),
    [
        ("telegraph", options(), 'no installed package has a target "telegraph" (there are: broken, nothing, pager)'),
        ("broken", options(), 'the plug-in "broken" failed: AttributeError'),
        ("nothing", options(), 'what the plug-in "nothing" makes has no name, kind, app, scopes, kinds'),
        ("pager", TargetOptions("night", "bank"), "the plug-in \"pager\" failed: KeyError: 'number'"),
    ],
)
def test_what_is_wrong_with_a_plug_in_is_told_in_a_line(
    points: list[EntryPoint], plugin: str, given: TargetOptions, why: str
) -> None:
    with pytest.raises(TargetRefused) as refused:
        outside_target(plugin, given, points)
    assert str(refused.value).startswith(f"target night: {why}")


def test_without_plug_ins_there_is_none() -> None:
    with pytest.raises(TargetRefused, match="there are: none"):
        outside_target("pager", options(), [])
