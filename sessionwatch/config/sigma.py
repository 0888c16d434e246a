"""`[sigma]`: rules written in Sigma."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sessionwatch.config.section import Section
from sessionwatch.config.value_types import ResolvedPath


class SigmaSettings(Section):
    """Where rules written in Sigma stand."""

    paths: Annotated[tuple[ResolvedPath, ...], Field(strict=False)] = Field(
        default=(), description="Files, or folders of `*.yml`; `*.test.yml` are the tests beside them."
    )
