"""`[geo]`: files that say where addresses stand."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sessionwatch.config.section import Section
from sessionwatch.config.value_types import ResolvedPath


class GeoSettings(Section):
    """MMDB files of the operator; without one an address has its country alone, from a list that comes with us."""

    files: Annotated[tuple[ResolvedPath, ...], Field(strict=False)] = Field(
        default=(),
        description="City, Country, ASN, Connection-Type or Anonymous-IP files, laid out as GeoIP2 and GeoLite2 are; "
        "the first that knows a fact counts. They are read again when they change.",
    )
