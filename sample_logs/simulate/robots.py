"""What is no person: monitors that sign in all day, dashboards on a wall, a partner's nightly export."""

from __future__ import annotations

import random
from collections.abc import Iterator

from sample_logs.simulate.agents import HEADLESS, TOOLS, agent
from sample_logs.simulate.apps import BANK, CRM, SHOP, SSO, App
from sample_logs.simulate.internet import HOSTING, OFFICES, Address
from sample_logs.simulate.sessions import INTERVAL_US, Client, Desk
from schemas.instant import DAY, HOUR, MINUTE, SECOND

_EVERY_US = 20 * MINUTE


def monitors() -> Iterator[tuple[str, App, Client, Address]]:
    """Yield the monitors: user, app, client, address."""
    for number, (app, text) in enumerate(((BANK, HEADLESS), (SHOP, TOOLS[1]), (SSO, TOOLS[0]))):
        provider = HOSTING[number % 2][0]
        bound = "none" if app is BANK else None
        yield (
            f"svc-monitor-{app.name}",
            app,
            Client(text, None, bound),
            provider.v4(provider.cities[0], 77, 10 + number),
        )


def robots_day(desk: Desk, day_us: int, chance: random.Random) -> None:
    """Tell what the robots do on a day.

    Args:
        desk: where.
        day_us: its beginning, in microseconds since the epoch.
        chance: of this day.
    """
    for user_id, app, client, source in monitors():
        for time_us in range(day_us + chance.randrange(MINUTE), day_us + DAY, _EVERY_US):
            _probe(desk, user_id, app, client, source, time_us + chance.randrange(SECOND))
    for number in range(2):
        _dashboard(desk, number, day_us + 7 * HOUR + chance.randrange(MINUTE), chance)
    _export(desk, day_us + 2 * HOUR + chance.randrange(MINUTE))


def _probe(desk: Desk, user_id: str, app: App, client: Client, source: Address, time_us: int) -> None:
    session = desk.begin(app, user_id, client, source, time_us)
    desk.use(session, client, source, time_us + SECOND // 3)
    desk.use(session, client, source, time_us + SECOND, gap_ms=667)
    desk.end(session, time_us + 2 * SECOND, "logout", client)


def _dashboard(desk: Desk, number: int, begins_us: int, chance: random.Random) -> None:
    """Show figures on an office's wall: a page that asks every 5 s, from morning to evening."""
    egress = OFFICES["NL"]
    source = egress.v4(egress.cities[number], 17 * number + 3, 0)
    day = begins_us // DAY % 28
    client = Client(agent("chrome-linux", 1000 + number, day), f"d-wall{number:012d}")
    session = desk.begin(CRM, f"svc-wall-{number}", client, source, begins_us, reason="sso")
    time_us = begins_us + SECOND
    desk.use(session, client, source, time_us)
    while time_us < begins_us + 10 * HOUR:
        time_us += INTERVAL_US + chance.randrange(SECOND // 10)
        desk.use(session, client, source, time_us, count=12, gap_ms=5000.0, evenness=0.998)
    desk.end(session, time_us + SECOND, "logout", client)


def _export(desk: Desk, begins_us: int) -> None:
    """Fetch a partner's orders: a script that reads thousands of pages in ten minutes."""
    provider = HOSTING[0][0]
    client, source = Client(TOOLS[2], None), provider.v4(provider.cities[0], 12, 4)
    session = desk.begin(SHOP, "svc-partner", client, source, begins_us, auth_method="api_key")
    desk.use(session, client, source, begins_us + SECOND)
    for minute in range(1, 11):
        time_us = begins_us + SECOND + minute * INTERVAL_US
        desk.use(session, client, source, time_us, count=420, gap_ms=142.8, evenness=0.9)
    desk.end(session, begins_us + 12 * MINUTE, "logout", client)
