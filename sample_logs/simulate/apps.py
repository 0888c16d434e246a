"""The apps of the simulated month, with the session policies that they declare and keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.instant import DAY, HOUR, MINUTE


@dataclass(frozen=True, slots=True)
class App:
    """What an app declares. Durations in microseconds.

    Attributes:
        kind: what carries its sessions.
        located: its edge knows where clients are and says so in the events.
    """

    name: str
    kind: Literal["cookie", "token", "sso"]
    idle_us: int
    absolute_us: int
    realm: str
    located: bool = False


BANK = App("bank", "cookie", 15 * MINUTE, 12 * HOUR, "bank", located=True)
SHOP = App("shop", "token", 30 * DAY, 90 * DAY, "shop")
SSO = App("sso", "sso", 10 * HOUR, 12 * HOUR, "corp")
CRM = App("crm", "sso", 2 * HOUR, 12 * HOUR, "corp")
WIKI = App("wiki", "sso", 2 * HOUR, 12 * HOUR, "corp")
APPS = {app.name: app for app in (BANK, SHOP, SSO, CRM, WIKI)}
LOCATED = frozenset(app.name for app in APPS.values() if app.located)
REFRESH_US = HOUR
"""How long an access token of the shop is good for."""
