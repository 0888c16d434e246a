"""Who speaks to the API, how one signs in, and who did what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import StringConstraints

from schemas.api.shapes import Answer, Request, example

Role = Literal["viewer", "analyst", "engineer", "admin"]

ROLES: tuple[Role, ...] = ("viewer", "analyst", "engineer", "admin")
"""From the least to the most; each may do what those before it may."""


class Me(Answer):
    """Who a token speaks for.

    Attributes:
        apps: the apps it is limited to; None = all.
        expires: when it ends; None = not by itself.
    """

    name: str
    role: Role
    apps: list[str] | None = None
    expires: datetime | None = None


class SignInRequest(Request):
    """A one-time code, as the demo's link carries it."""

    model_config = example({"code": "kZ0Jx7R1n2bQm4tV8sWc3A"})

    code: Annotated[str, StringConstraints(min_length=16, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]


class SignedIn(Me):
    """A bearer token for this browser session alone, kept in the pipeline's memory for 12 hours."""

    token: str


class Act(Answer):
    """Who did what, when and why: a line of the audit log."""

    time: datetime
    actor: str
    act: str
    subject: str
    app: str
    why: str
