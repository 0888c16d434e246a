"""`[[on_call]]`: whom an alert goes to that nobody answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from schemas.alert import Severity
from sessionwatch.config.chat import AnySeverity
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import AppName, PositiveDuration

if TYPE_CHECKING:
    from response.on_call import OnCallStep


class OnCallSettings(Section):
    """One step: after a time without an answer the next people are told, once."""

    after: PositiveDuration = Field(description="Since the alert was raised, without anybody acknowledging it.")
    chats: Annotated[tuple[AppName, ...], Field(strict=False, min_length=1)] = Field(
        description="Names of `[[chat]]`; what they ask for in `min_severity` does not matter here."
    )
    severities: Annotated[tuple[AnySeverity, ...], Field(strict=False, min_length=1)] = Field(
        default=(Severity.CRITICAL, Severity.HIGH), description="Of which alerts."
    )

    def step(self) -> OnCallStep:
        """Return the step as the pipeline uses it."""
        # Telling people is heavy to import, and a configuration is read by every command.
        from response.on_call import OnCallStep

        return OnCallStep(self.after, frozenset(self.chats), frozenset(self.severities))
