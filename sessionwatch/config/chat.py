"""`[[chat]]`: where alerts are told to people."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.alert import Severity
from sessionwatch.config.secret_file import check_text_file, read_text_file
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import Described, ResolvedPath, Url

AnySeverity = Annotated[Severity, Field(strict=False), Described("one of info, low, medium, high, critical")]


class ChatSettings(Section):
    """One place to tell alerts to: any address that Apprise knows."""

    url: Url | None = Field(default=None, description="Apprise address; masked where it is shown.")
    url_file: ResolvedPath | None = Field(default=None, description="File that holds the address.")
    min_severity: AnySeverity = Field(default=Severity.INFO, description="Below, nothing is told here.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("expected either url or url_file")
        text = self.url.get_secret_value() if self.url else None
        if text is None and self.url_file is not None:
            text = check_text_file(self.url_file, "url_file")
        if text is not None:
            _check_address(text)
        return self

    def address(self) -> str:
        """Return the Apprise address.

        Raises:
            ConfigurationError: its file has become unreadable.
        """
        if self.url is not None:
            return self.url.get_secret_value()
        assert self.url_file is not None
        return read_text_file(self.url_file, "chat.url_file")


def _check_address(text: str) -> None:
    from response.chat import Chat
    from response.errors import ChatRefused

    try:
        Chat(text)
    except ChatRefused as error:
        raise ValueError(str(error).removeprefix("chat: ")) from None
