"""`[campaigns]`: which alerts are grouped as one incident."""

from __future__ import annotations

from pydantic import Field

from schemas.instant import HOUR
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import PositiveDuration


class CampaignSettings(Section):
    """How alerts are grouped into campaigns."""

    window: PositiveDuration = Field(
        default=6 * HOUR, description="The longest pause between two alerts of a campaign that share a value."
    )
