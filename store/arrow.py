"""Columns on their way into the store."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

INSTANT = pa.timestamp("us")
"""The column type of an instant, UTC."""


def texts(values: Iterable[str | None]) -> pa.Array:
    """Return a column of texts."""
    return pa.array(list(values), pa.string())
