"""`[[networks]]`: what the operator knows about networks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sessionwatch.config.section import Section
from sessionwatch.config.value_types import Cidr, Described

NetworkType = Literal["hosting", "mobile", "vpn", "relay", "office", "home"]


class NetworkSettings(Section):
    """A network that the operator names. It wins over every look-up."""

    cidr: Cidr = Field(description="The network.")
    type: NetworkType | None = Field(default=None, description="What kind of network it is.")
    asn: Annotated[int, Field(ge=1, le=2**32 - 1)] | None = Field(default=None, description="Autonomous system number.")
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$"), Described('two-letter country code such as "NL"')] | None = (
        Field(default=None, description="Country code (ISO 3166-1).")
    )
    owner: str | None = Field(default=None, description="Who vouches for this line.")
