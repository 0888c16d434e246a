"""`[models]`: where trained models stand."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from sessionwatch.config.section import Section
from sessionwatch.config.value_types import ResolvedPath

CARD = "session-outlier.json"
"""What a model says of itself; where it stands, there is one."""


class ModelSettings(Section):
    """The folder to which `sessionwatch train` writes. Where it holds no model, the learned detector is absent."""

    path: ResolvedPath = Field(
        default=Path("data/models"), validate_default=True, description="Folder of trained models."
    )
