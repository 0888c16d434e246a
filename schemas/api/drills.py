"""Fire drills: begun by a person, found again by their signed id, and told when they were missed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.alert import Severity, Status
from schemas.api.alerts import RevocationBrief
from schemas.api.shapes import Answer, AppName, Request, example
from schemas.limits import MAX_USER_ID

DrillId = Annotated[str, StringConstraints(pattern=r"^d1\.[a-z0-9.-]{1,120}\.[A-Za-z0-9_-]{43}$")]
Missed = Literal["detected", "told", "revoked"]
MAX_WITHIN_S = 3_600
_EXAMPLE_ID = "d1.stolen-cookie.r.1793534400.0123456789abcdef.5rV0Zc3XqJt8mYw2aLhNfB7uKdPgE1oSxTiCvQjRk4M"


class DrillRequest(Request):
    """Which drill is to begin.

    Attributes:
        attack: the kind of attack, for its name.
        user_id: a reserved one, or with `admin_named` any.
        revoke: its session may be revoked automatically, as a real one's.
        admin_named: the user is not a reserved one, and whoever asks is an admin.
    """

    model_config = example({"attack": "stolen-cookie", "app": "bank", "user_id": "sw-drill-1", "revoke": True})

    attack: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]
    app: AppName
    user_id: Annotated[str, StringConstraints(min_length=1, max_length=MAX_USER_ID)]
    revoke: bool = False
    admin_named: bool = False


class DrillBegun(Answer):
    """A drill id, signed: events that carry it are known as a drill's.

    Attributes:
        until: event time after which it does not count.
    """

    drill: str
    until: datetime


class DrillAlert(Answer):
    """An alert that a drill has led to.

    Attributes:
        opened: when the pipeline stored it.
        told: when the first chat had it; None = not yet.
        telling: how many chats it is still on its way to.
        revocation: of its session.
    """

    alert_id: str
    rule_id: str
    severity: Severity
    status: Status
    mode: str
    opened: datetime
    told: datetime | None
    telling: int
    revocation: RevocationBrief | None


class DrillView(Answer):
    """What a drill has led to so far.

    Attributes:
        chats: how many chats there are to tell.
    """

    drill: str
    alerts: list[DrillAlert]
    chats: int


class MissedDrill(Request):
    """A drill that was not detected, told or revoked in time.

    Attributes:
        drill: its id.
        missed: what did not happen.
        within_s: seconds in which it should have.
    """

    model_config = example(
        {"drill": _EXAMPLE_ID, "attack": "stolen-cookie", "app": "bank", "user_id": "sw-drill-1",
         "missed": ["revoked"], "within_s": 30}
    )  # fmt: skip

    drill: DrillId
    attack: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]
    app: AppName
    user_id: Annotated[str, StringConstraints(min_length=1, max_length=MAX_USER_ID)]
    missed: Annotated[list[Missed], Field(min_length=1, max_length=3)]
    within_s: Annotated[float, Field(gt=0, le=MAX_WITHIN_S, allow_inf_nan=False)]


class MissedDrillAlert(Answer):
    """The alert that was raised for it."""

    alert_id: str
