"""The stage on which the battery and the sequences play: places, clients and one app, each by name.

They are enriched already, since a rule sees nothing else; the same names stand in `sample_logs/sessionwatch.toml`.
"""

from __future__ import annotations

import hashlib
import uuid
from types import MappingProxyType
from typing import Any

from schemas.app import AppPolicy, Apps
from schemas.event import NO_AGENT, NOWHERE, Agent, Event, Place
from schemas.instant import HOUR, MINUTE, SECOND

START_US = 1_793_606_400 * SECOND
"""2026-11-02, a Monday, 08:00 UTC."""

APP = "bank"


def _v4(network: str, country: str, asn: int, kind: str | None = None, lat: float = 0.0, lon: float = 0.0) -> Place:
    return Place(f"{network}.0/24", 4, country, None, None, lat, lon, asn, kind, "exact")


PLACES: MappingProxyType[str, tuple[str | None, Place]] = MappingProxyType(
    {
        "nowhere": (None, NOWHERE),
        "home": ("192.0.2.10", _v4("192.0.2", "DE", 64500, "home", 52.52, 13.40)),
        "home-v6": (
            "2001:db8:1::10",
            Place("2001:db8:1::/64", 6, "DE", None, None, 52.52, 13.40, 64500, "home", "exact"),
        ),
        "cafe": ("192.0.3.5", _v4("192.0.3", "DE", 64501, None, 52.50, 13.42)),
        "neighbour": ("192.0.4.7", _v4("192.0.4", "DE", 64502, "home", 52.49, 13.38)),
        "carrier": ("192.0.8.4", _v4("192.0.8", "DE", 64510, "mobile", 52.52, 13.40)),
        "carrier-2": ("192.0.9.4", _v4("192.0.9", "DE", 64510, "mobile", 48.14, 11.58)),
        "office": ("192.0.16.1", _v4("192.0.16", "DE", 64520, "office", 52.53, 13.36)),
        "vpn": ("192.0.24.1", _v4("192.0.24", "CH", 64525, "vpn", 47.37, 8.54)),
        "relay": ("192.0.25.1", _v4("192.0.25", "DE", 64526, "relay", 52.52, 13.40)),
        "new-york": ("198.51.100.9", _v4("198.51.100", "US", 64530, None, 40.71, -74.01)),
        "hosting": ("203.0.113.80", _v4("203.0.113", "NL", 64540, "hosting", 52.37, 4.90)),
    }
)
"""Address and enriched place by name."""

AGENTS: MappingProxyType[str, tuple[str | None, Agent]] = MappingProxyType(
    {
        "nothing": (None, NO_AGENT),
        "firefox": (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            Agent("Firefox", "Linux", "desktop"),
        ),
        "firefox-next": (
            "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
            Agent("Firefox", "Linux", "desktop"),
        ),
        "chrome": (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126 Safari/537.36",
            Agent("Chrome", "Windows", "desktop"),
        ),
        "iphone": (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.5 Mobile/15E148 Safari/604.1",
            Agent("Mobile Safari", "iOS", "mobile"),
        ),
        "curl": ("curl/8.5.0", Agent("curl", None, "tool")),
        "requests": ("python-requests/2.32.3", Agent("Python Requests", None, "tool")),
        "headless": (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0 Safari/537.36",
            Agent("HeadlessChrome", "Linux", "tool"),
        ),
    }
)
"""User-Agent text and reduced agent by name."""


def quick_apps() -> Apps:
    """One app that declares short times, so that short streams reach them, and servers that agree on the time."""
    return Apps(
        {
            APP: AppPolicy(
                APP,
                realm=APP,
                idle_timeout_us=4 * MINUTE,
                absolute_timeout_us=10 * MINUTE,
                max_sessions=2,
                rotates_on_login=True,
                clock_skew_us=0,
            )
        }
    )


def ordinary_apps() -> Apps:
    """One app that declares what apps commonly do."""
    return Apps(
        {
            APP: AppPolicy(
                APP,
                realm=APP,
                idle_timeout_us=30 * MINUTE,
                absolute_timeout_us=12 * HOUR,
                max_sessions=5,
                rotates_on_login=True,
            )
        }
    )


def happening(kind: str, at_s: float, where: str = "home", client: str = "firefox", **fields: Any) -> Event:
    """Return an event as the pipeline would hand it to a rule.

    Args:
        kind: its type.
        at_s: seconds after the start.
        where, client: by name; see `PLACES` and `AGENTS`.
        fields: of the event, by their own names; they win.

    Raises:
        KeyError: no place or client has that name.
    """
    time_us = START_US + round(at_s * SECOND)
    ip, known_place = PLACES[where]
    user_agent, agent = AGENTS[client]
    values: dict[str, Any] = {
        "app": APP, "ip": ip, "user_agent": user_agent, "place": known_place, "agent": agent, "arrival_us": time_us,
        **fields,
    }  # fmt: skip
    return Event(_identity(kind, time_us, values), time_us, kind, **values)


def _identity(kind: str, time_us: int, values: dict[str, Any]) -> str:
    told = "|".join(f"{name}={value}" for name, value in sorted(values.items()))
    return str(uuid.UUID(bytes=hashlib.sha256(f"{kind}|{time_us}|{told}".encode()).digest()[:16]))
