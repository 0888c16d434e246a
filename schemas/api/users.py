"""A user of a realm."""

from __future__ import annotations

from datetime import datetime

from schemas.api.alerts import AlertRow
from schemas.api.risks import RiskView
from schemas.api.sessions import DeviceUse, PlaceUse
from schemas.api.shapes import Answer
from schemas.revocation import RevocationView


class UserRow(Answer):
    """A user of a realm, as the list by risk shows them.

    Attributes:
        risk: what the alerts of all its sessions add up to now, and why.
        last: the newest event of those alerts.
    """

    realm: str
    user_id: str
    risk: RiskView
    last: datetime


class UserPage(Answer):
    """Users, the highest risk first."""

    items: list[UserRow]
    next: str | None = None


class UserDetail(Answer):
    """A user of a realm, over the asked time.

    Attributes:
        apps: of the realm, in which the user was seen.
        live: sessions that are in use.
        risk: what the alerts of all its sessions add up to now.
    """

    realm: str
    user_id: str
    apps: list[str]
    first: datetime
    last: datetime
    sessions: int
    live: int
    failures: int
    devices: list[DeviceUse]
    places: list[PlaceUse]
    risk: RiskView
    alerts: list[AlertRow]
    revocations: list[RevocationView]
    since: datetime
    until: datetime
