"""`[[lists]]`: network lists that somebody keeps in files."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from detectors.lists import parse_end
from schemas.alert import Severity
from sessionwatch.config.chat import AnySeverity
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import Described, ResolvedPath

Name = Annotated[str, Field(min_length=1, max_length=64)]


class ListSettings(Section):
    """A list of networks; the pipeline reads its file again when it changes, and `listed-network` asks it."""

    name: Name = Field(description="Its name, as alerts show it.")
    file: ResolvedPath = Field(
        description="Networks (`198.51.100.0/24`), addresses and autonomous systems (`AS64500`), one a line; `#` "
        "begins a comment."
    )
    owner: Name = Field(description="Who keeps it.")
    expires: Annotated[date, Described("date such as 2027-01-31")] = Field(
        description="The last day on which it holds (UTC, by event time)."
    )
    severity: AnySeverity = Field(default=Severity.MEDIUM, description="Of a success from it.")

    @property
    def expires_us(self) -> int:
        """The first instant at which it no longer holds, microseconds since the epoch."""
        ends = parse_end(self.expires)
        assert isinstance(ends, int)
        return ends
