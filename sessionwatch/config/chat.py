"""`[[chat]]`: where alerts are told to people."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from response.chat_pace import Pace
from response.chat_templates import Templates
from response.hours import parse_hours
from schemas.alert import Severity
from schemas.instant import MINUTE
from sessionwatch.config.secret_source import SecretCommand, secret_source
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import AppName, Described, Duration, ResolvedPath, Url

if TYPE_CHECKING:
    from response.act_links import LinkKey
    from response.chat import Chat


def _check_quiet_hours(text: str) -> str:
    hours = parse_hours(text)
    # Whatever never ends would never be told.
    if hours.contains(0) and hours.until(0) is None:
        raise ValueError("expected hours that end: what waits would never be told")
    return text


QuietHours = Annotated[str, AfterValidator(_check_quiet_hours), Described('hours such as "22:00-07:00 Europe/Berlin"')]
AnySeverity = Annotated[Severity, Field(strict=False), Described("one of info, low, medium, high, critical")]


class ChatSettings(Section):
    """One place to tell alerts to: any address that Apprise knows."""

    name: AppName | None = Field(default=None, description="By which `[[on_call]]` speaks of it.")
    url: Url | None = Field(default=None, description="Apprise address; masked where it is shown.")
    url_file: ResolvedPath | None = Field(default=None, description="File that holds the address.")
    url_command: SecretCommand | None = Field(default=None, description="Program that prints the address.")
    min_severity: AnySeverity = Field(default=Severity.INFO, description="Below, nothing is told here.")

    locale: str = Field(default="en", description="Language of its messages: en or de.")
    templates: ResolvedPath | None = Field(
        default=None, description="Folder of own templates such as `alert.critical.txt`; the rest is as shipped."
    )
    quiet_hours: QuietHours | None = Field(
        default=None,
        description='Hours such as "22:00-07:00 Europe/Berlin" after whose end all but critical messages are told '
        "as one digest.",
    )
    group_within: Duration = Field(
        default=5 * MINUTE,
        description="Alerts of one user or campaign that follow within so long become one message; critical ones are "
        'told at once. "0s": each by itself.',
    )
    max_per_minute: Annotated[int, Field(ge=2, le=600)] = Field(
        default=30, description="Messages a minute at most, half of them not critical; what exceeds them is one digest."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        source = secret_source(self, "url")
        if not source.is_given:
            raise ValueError("expected url, url_file or url_command")
        source.check(_check_address)
        self.texts()
        return self

    def texts(self) -> Templates:
        """Return the templates of its messages.

        Raises:
            TemplateRefused: one of them cannot be used.
        """
        return Templates(self.locale, self.templates)

    def chat(self, links: LinkKey | None = None) -> Chat:
        """Return the chat.

        Args:
            links: makes the links by which people act; None = there are none.

        Raises:
            ConfigurationError: its address can no longer be read.
            ChatRefused: it cannot be used.
        """
        from response.chat import Chat

        quiet = None if self.quiet_hours is None else parse_hours(self.quiet_hours)
        return Chat(
            self.address(),
            self.min_severity,
            name=self.name or "",
            templates=self.texts(),
            pace=Pace(self.group_within, quiet),
            per_minute=self.max_per_minute,
            zone=UTC if quiet is None else quiet.zone,
            links=links,
        )

    def address(self) -> str:
        """Return the Apprise address.

        Raises:
            ConfigurationError: its file has become unreadable, or its command prints none.
        """
        return secret_source(self, "url").read("chat", _check_address)


def _check_address(text: str, _name: str) -> None:
    from response.chat import Chat
    from response.errors import ChatRefused

    try:
        Chat(text)
    except ChatRefused as error:
        raise ValueError(str(error).removeprefix("chat: ")) from None
