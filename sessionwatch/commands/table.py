"""Tables for people: what a tired one needs first stands first, and hostile text is made harmless."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from response.text import safe
from sessionwatch.commands.terminal import print_text

GLYPHS = {"critical": "◆", "high": "▲", "medium": "●", "low": "■", "info": "○"}
"""The console's: shape first, colour second, so that they can be told apart without it."""
_COLOURS = {"critical": "bold red", "high": "bold yellow", "medium": "yellow", "low": "blue", "info": "dim"}
_WIDTH_WITHOUT_TERMINAL = 200


def severity(name: str | None) -> Any:
    """Return a severity as glyph and word."""
    from rich.text import Text

    return Text("-") if name is None else Text(f"{GLYPHS.get(name, '')} {name}", style=_COLOURS.get(name, ""))


def shown(value: object) -> str:
    """Return any value as harmless text; nothing is a hyphen."""
    return "-" if value is None or value == "" else safe(str(value))


def moment(instant: datetime | None) -> str:
    """Return an instant in UTC with its age, as in ``11-24 23:38:42Z (5 min)``."""
    if instant is None:
        return "-"
    age_s = (datetime.now(UTC) - instant).total_seconds()
    return f"{instant.astimezone(UTC):%m-%d %H:%M:%S}Z ({_age(age_s)})"


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table; the last column is an id, which is never cut, so that it can be copied.

    Args:
        headings: of the columns.
        rows: texts, made harmless already, or rich's.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, heading in enumerate(headings):
        last = place == len(headings) - 1
        table.add_column(heading, no_wrap=True, overflow="fold" if last else "ellipsis", min_width=36 if last else None)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    on_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if on_terminal else _WIDTH_WITHOUT_TERMINAL
    console = Console(width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as written:
        console.print(table)
    for line in written.get().splitlines():
        print_text(line.rstrip())


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Write names and texts below each other; the texts have been made harmless already."""
    listed = list(facts)
    width = max((len(name) for name, _ in listed), default=0)
    for name, text in listed:
        print_text(f"{name:<{width}}  {text}")


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
