"""What a user is to be told: a login from a new device, or that a session was ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessionwatch_emitter.message import RefusedMessageError, field, moment

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


def read_notice(message: dict[str, Any]) -> UserNotice:
    """Return what a message of this type tells.

    Raises:
        RefusedMessageError: it lacks something.
    """
    data = field(message, "data", dict)
    notice_id, app, user_id, notice = (_text(data, name) for name in ("notice_id", "app", "user_id", "notice"))
    country, city, agent = (field(data, name, str | None) for name in ("country", "city", "agent"))
    return UserNotice(notice_id, app, user_id, notice, moment(data, "at"), country, city, agent)


def _text(data: dict[str, Any], name: str) -> str:
    value: str = field(data, name, str)
    if not value:
        raise RefusedMessageError(400, f"{name} is empty")
    return value
