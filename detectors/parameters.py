"""What a rule's parameters are made of."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue, PlainSerializer
from pydantic.fields import FieldInfo

from schemas.instant import DAY, HOUR, MINUTE, SECOND

_UNITS = {"ms": 1_000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)", re.ASCII)


def parse_duration(value: object) -> object:
    """Return a duration such as ``"30s"``, ``"15m"``, ``"12h"`` or ``"28d"`` in microseconds.

    Raises:
        ValueError: the text is no duration.
    """
    if not isinstance(value, str):
        # A bare number would leave the unit to a guess.
        raise ValueError('expected a duration such as "30s", "15m", "12h" or "28d"')
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError(f'expected a duration such as "30s", "15m", "12h" or "28d", got "{value[:40]}"')
    return int(match[1]) * _UNITS[match[2]]


def format_duration(microseconds: int) -> str:
    """Return microseconds as the shortest duration text that means the same."""
    for unit, size in reversed(_UNITS.items()):
        if microseconds % size == 0 and (microseconds or unit == "s"):
            return f"{microseconds // size}{unit}"
    return f"{microseconds // 1_000}ms"


Duration = Annotated[int, BeforeValidator(parse_duration), PlainSerializer(format_duration, when_used="json")]
"""Microseconds inside, ``"15m"`` in the configuration."""


OF_DAYS: dict[str, JsonValue] = {"looks_back_by": "days"}
"""Marks a duration (`json_schema_extra`) that asks the users' days, which outlive the events they are made of."""


def is_of_days(field: FieldInfo) -> bool:
    """Say whether a parameter looks back by the users' days, so that events need not be kept for that long."""
    return field.json_schema_extra == OF_DAYS


class Parameters(BaseModel):
    """A rule's own parameters: each with a default, a unit in its type and a line of documentation."""

    model_config = ConfigDict(extra="forbid", frozen=True)
