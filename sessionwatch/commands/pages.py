"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from pydantic import BaseModel

from sessionwatch.commands.remote import Parameters
from sessionwatch.commands.terminal import print_json, say

LARGEST = 200
RowT_co = TypeVar("RowT_co", covariant=True)
ModelT = TypeVar("ModelT", bound=BaseModel)


class Page(Protocol[RowT_co]):
    """A page of a list."""

    @property
    def items(self) -> Sequence[RowT_co]:
        """The rows."""

    @property
    def next(self) -> str | None:
        """The cursor of the next page; None = there is none."""


def rows_of(ask: Callable[[Parameters], Page[RowT_co]], parameters: Parameters, limit: int) -> Iterator[RowT_co]:
    """Yield the rows of as many pages as it takes.

    Args:
        ask: returns a page.
        parameters: of the list.
        limit: most rows.
    """
    cursor: str | None = None
    while limit > 0:
        page = ask({**parameters, "cursor": cursor, "limit": min(limit, LARGEST)})
        yield from page.items
        limit -= len(page.items)
        cursor = page.next
        if cursor is None or not page.items:
            return


def show_rows(rows: list[ModelT], show: Callable[[list[ModelT]], None], none: str, *, as_json: bool) -> None:
    """Print rows.

    Args:
        rows: of a list.
        show: prints them for people.
        none: what people are told where there are none.
        as_json: one object a line instead, and nothing where there are none.
    """
    if as_json:
        for row in rows:
            print_json(row.model_dump(mode="json"))
    elif rows:
        show(rows)
    else:
        say(none)
