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
    audit_retention: PositiveDuration = Field(
        default=730 * DAY,
        description="How long lines of the audit log are kept; never shorter than `retention`.",
    )
    audit_key_file: ResolvedPath | None = Field(
        default=None,
        description="File of the key that signs the audit log; made where it is missing. Default: `audit.key` beside "
        "the store. Best on another disk, which whoever can write the store cannot read.",
    )

    @property
    def audit_kept(self) -> int:
        """How long lines of the audit log are kept, microseconds."""
        return max(self.audit_retention, self.retention)
