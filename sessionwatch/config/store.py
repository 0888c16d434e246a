"""`[store]`: the database file."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from schemas.instant import DAY
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import PositiveDuration, ResolvedPath


class StoreSettings(Section):
    """Where events, alerts and revocations are kept, and how long."""

    path: ResolvedPath = Field(
        default=Path("data/sessionwatch.duckdb"), validate_default=True, description="The DuckDB file."
    )
    retention: PositiveDuration = Field(
        default=180 * DAY,
        description="How long events are kept; at least the longest window of a rule that is on.",
    )
