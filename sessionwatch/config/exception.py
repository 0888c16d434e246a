"""`[[exceptions]]`: what a rule need not report, who answers for that, and until when."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from detectors.exceptions import RuleException
from schemas.instant import to_us
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import AppName, Cidr, Described

Words = Annotated[str, Field(min_length=1, max_length=200)]


class WhereSettings(Section):
    """What the event that completes a hit must look like; everything that is given must fit."""

    network: Cidr | None = Field(default=None, description="Its address lies in this network.")
    asn: Annotated[int, Field(ge=1, le=2**32 - 1)] | None = Field(
        default=None, description="Its address belongs to this autonomous system."
    )
    user_id: Words | None = Field(default=None, description="It is of this user.")
    app: AppName | None = Field(default=None, description="It is of this app.")
    agent: Words | None = Field(default=None, description="Its User-Agent fits this pattern; `*` stands for any text.")

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("expected at least one of network, asn, user_id, app, agent")
        return self


class ExceptionSettings(Section):
    """An exception. A hit that it covers keeps its record, and is told to nobody."""

    rule: Words = Field(description="The rule's id.")
    where: WhereSettings = Field(description="Which hits.")
    owner: Words = Field(description="Who answers for it.")
    reason: Words = Field(description="Why it is no finding.")
    expires: Annotated[date, Described("date such as 2027-01-31")] = Field(
        description="The last day on which it holds (UTC, by event time)."
    )

    def value(self) -> RuleException:
        """Return it as the detectors take it."""
        ends = datetime(self.expires.year, self.expires.month, self.expires.day, tzinfo=UTC)
        return RuleException(
            rule=self.rule,
            owner=self.owner,
            reason=self.reason,
            expires_us=to_us(ends) + 86_400_000_000,
            network=self.where.network,
            asn=self.where.asn,
            user_id=self.where.user_id,
            app=self.where.app,
            agent=self.where.agent,
        )
