"""Rooms import downwards only, and nothing imports in a circle."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ["sessionwatch", "dashboard", "response", "ingest", "detectors", "store", "sample_logs", "schemas"]
"""From the front door down; a room may import those after it."""


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_further_down(room: str) -> None:
    above = set(ROOMS[: ROOMS.index(room)]) | {"tests", "bench"}
    for path in (ROOT / room).rglob("*.py"):
        for module in imports(path):
            assert module.split(".")[0] not in above, f"{path.relative_to(ROOT)} imports {module}"


def test_the_console_imports_the_contracts_alone() -> None:
    for path in (ROOT / "dashboard").rglob("*.py"):
        for module in imports(path):
            assert module.split(".")[0] not in set(ROOMS) - {"dashboard", "schemas"}, f"{path.name}: {module}"


def test_the_emitter_imports_nothing_of_the_rest() -> None:
    for path in (ROOT / "emitters" / "src").rglob("*.py"):
        for module in imports(path):
            assert module.split(".")[0] not in ROOMS, f"{path.name} imports {module}"


def test_detectors_have_no_clock_and_no_files() -> None:
    for path in (ROOT / "detectors").rglob("*.py"):
        if path.parent.name == "battery":
            # It holds rules to this, and names what it forbids.
            continue
        forbidden = imports(path) & {"time", "os", "pathlib", "socket", "duckdb", "kafka", "random"}
        assert not forbidden, f"{path.name} imports {forbidden}"


def modules() -> dict[str, set[str]]:
    graph = {}
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            graph[name] = {found for found in imports(path) if found.split(".")[0] in ROOMS}
    return graph


def test_no_circle_of_imports() -> None:
    graph, done = modules(), set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join([*way, name])
        if name in done or name not in graph:
            return
        for found in graph[name]:
            visit(found, (*way, name))
        done.add(name)

    for name in graph:
        visit(name, ())
