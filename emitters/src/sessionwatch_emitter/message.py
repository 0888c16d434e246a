"""A message of the pipeline's to an app, as far as all kinds are alike."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sessionwatch_emitter.errors import EmitterError


class RefusedMessageError(EmitterError):
    """A message is answered with an error; its text is for the pipeline's operator.

    Args:
        status: the HTTP status that says so.
        reason: the text.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def read_message(body: bytes) -> dict[str, Any]:
    """Return a message's body as JSON has it.

    Raises:
        RefusedMessageError: it is no object.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedMessageError(400, "the body is not JSON") from None
    if not isinstance(message, dict):
        raise RefusedMessageError(400, "the body is no object")
    return message


def field(source: dict[str, Any], name: str, kind: Any) -> Any:
    """Return a field of an object.

    Raises:
        RefusedMessageError: it is not of this type; None is the value of one that is missing.
    """
    value = source.get(name)
    if not isinstance(value, kind):
        raise RefusedMessageError(400, f"{name} is missing or of the wrong type")
    return value


def moment(source: dict[str, Any], name: str) -> datetime:
    """Return a field that is an instant.

    Raises:
        RefusedMessageError: it is missing, or not as RFC 3339 has it, with an offset.
    """
    try:
        found = datetime.fromisoformat(field(source, name, str))
    except ValueError:
        raise RefusedMessageError(400, f"{name} is not RFC 3339") from None
    if found.tzinfo is None:
        raise RefusedMessageError(400, f"{name} lacks its offset")
    return found
