"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from sessionwatch.commands.remote import Parameters

LARGEST = 200
RowT_co = TypeVar("RowT_co", covariant=True)


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
