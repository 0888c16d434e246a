"""`[digest]`: what the lead is mailed of each day and week."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from response.chat_templates import Templates
from response.digest_templates import digest_templates
from response.recurring import parse_recurring
from sessionwatch.config.secret_source import SecretCommand, secret_source
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import Described, ResolvedPath, Url


def _check_daily(text: str) -> str:
    parse_recurring(text, weekly=False)
    return text


def _check_weekly(text: str) -> str:
    parse_recurring(text, weekly=True)
    return text


Daily = Annotated[str, AfterValidator(_check_daily), Described('an hour such as "08:00 Europe/Berlin"')]
Weekly = Annotated[str, AfterValidator(_check_weekly), Described('a day and an hour such as "Mon 08:00 Europe/Berlin"')]


class DigestSettings(Section):
    """Mails to whoever leads: what waits for a decision, what happened, what went wrong."""

    url: Url | None = Field(
        default=None, description="Apprise address of a mail service (`mailto`, `mailtos`); masked."
    )
    url_file: ResolvedPath | None = Field(default=None, description="File that holds the address.")
    url_command: SecretCommand | None = Field(default=None, description="Program that prints the address.")
    daily: Daily | None = Field(default=None, description='When each day, such as "08:00 Europe/Berlin".')
    weekly: Weekly | None = Field(default=None, description='When each week, such as "Mon 08:00 Europe/Berlin".')
    locale: str = Field(default="en", description="Language of the digests: en or de.")
    templates: ResolvedPath | None = Field(
        default=None, description="Folder of own templates such as `title.txt`; the rest is as shipped."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        source = secret_source(self, "url")
        wanted = self.daily is not None or self.weekly is not None
        if wanted and not source.is_given:
            raise ValueError("expected either url or url_file")
        if source.is_given and not wanted:
            raise ValueError("expected daily, weekly or both")
        source.check(_check_mail)
        self.texts()
        return self

    def texts(self) -> Templates:
        """Return the templates of the digests.

        Raises:
            TemplateRefused: one of them cannot be used.
        """
        return digest_templates(self.locale, self.templates)

    def address(self) -> str | None:
        """Return the Apprise address; None = there are no digests.

        Raises:
            ConfigurationError: its file has become unreadable, or its command prints none.
        """
        source = secret_source(self, "url")
        return source.read("digest", _check_mail) if source.is_given else None


def _check_mail(text: str, _name: str) -> None:
    from response.digests import DigestMail
    from response.errors import ChatRefused

    try:
        DigestMail(text)
    except ChatRefused as error:
        raise ValueError(str(error).removeprefix("chat: ")) from None
