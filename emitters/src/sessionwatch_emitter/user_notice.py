"""What a user is to be told: a login from a new device, or that a session was ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessionwatch_emitter.revocation_message import RefusedMessageError

TYPE = "user.notice"


@dataclass(frozen=True, slots=True)
class UserNotice:
    """The facts for a text of the app's own: nothing in it helps whoever reads the mail of somebody else.

    Attributes:
        notice_id: the same in every retry.
        app: the app it speaks to.
        user_id: who is to be told.
        notice: new_device or session_ended; an app leaves alone what it does not know.
        at: when it happened.
        country, city: from where, if known.
        agent: the browser's family, if known.
    """

    notice_id: str
    app: str
    user_id: str
    notice: str
    at: datetime
    country: str | None
    city: str | None
    agent: str | None


def parse_notice(body: bytes) -> UserNotice | None:
    """Return what a message's body says; None = it is of another type, or no message at all.

    Raises:
        RefusedMessageError: it is a notice, and lacks something.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("type") != TYPE:
        return None
    data = message.get("data")
    if not isinstance(data, dict):
        raise RefusedMessageError(400, "data is missing or of the wrong type")
    texts = {name: _text(data, name) for name in ("notice_id", "app", "user_id", "notice", "at")}
    try:
        at = datetime.fromisoformat(texts.pop("at"))
    except ValueError:
        raise RefusedMessageError(400, "at is not RFC 3339") from None
    return UserNotice(
        **texts, at=at, country=_known(data, "country"), city=_known(data, "city"), agent=_known(data, "agent")
    )


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise RefusedMessageError(400, f"{name} is missing or of the wrong type")
    return value


def _known(data: dict[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise RefusedMessageError(400, f"{name} is of the wrong type")
    return value
