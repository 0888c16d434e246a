"""What the API's questions and answers have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from schemas.event import APP_PATTERN
from schemas.instant import parse_rfc3339

MAX_PAGE = 200
"""Rows of one page."""

MAX_NOTE = 2_000
MAX_REASON = 500
MAX_QUERY = 200
"""Characters of a note, a reason, a text to search for."""

Reason = Annotated[str, StringConstraints(min_length=3, max_length=MAX_REASON, strip_whitespace=True)]


def _check_instant(text: str) -> str:
    parse_rfc3339(text)
    return text


def example(*examples: dict[str, JsonValue]) -> ConfigDict:
    """Return the configuration of a request with examples for the OpenAPI document."""
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": list(examples)})


EXAMPLE_SESSION = "s_k1_5rV0Zc3XqJt8mYw2aLhNfB7uKdPgE1oSxTiCvQjRk4M"

AppName = Annotated[str, StringConstraints(pattern=APP_PATTERN)]

InstantText = Annotated[str, AfterValidator(_check_instant), Field(json_schema_extra={"format": "date-time"})]


class Answer(BaseModel):
    """What the API says. A reader ignores what a later version adds."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Request(BaseModel):
    """What the API is asked: nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")
