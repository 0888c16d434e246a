"""Who is in: live sessions counted by user, network or app."""

from __future__ import annotations

from typing import Literal

from schemas.api import LiveGroupPage, LiveGroupRow
from schemas.instant import DAY, to_datetime
from sessionwatch.api.answers.span import window
from sessionwatch.api.asker import Asker
from store.session_search import DEFAULT_IDLE_US

GroupedBy = Literal["user", "network", "app"]

MOST_GROUPS = 200


def live_group_page(asker: Asker, by: GroupedBy, apps: list[str] | None) -> LiveGroupPage:
    """Return the largest groups of live sessions.

    Args:
        asker: who asks.
        by: what the sessions of a group have in common, besides their app.
        apps: only of these; None = of all that may be seen.
    """
    since_us, until_us = window(asker, None, None, _longest_idle_us(asker))
    found = asker.reader.live_groups(
        by,
        since_us=since_us,
        until_us=until_us,
        now_us=asker.now_us(),
        idle_us=asker.installation.idle_us,
        apps=asker.principal.visible(apps),
        limit=MOST_GROUPS + 1,
    )
    return LiveGroupPage(
        by=by,
        sessions=found.sessions,
        users=found.users,
        networks=found.networks,
        items=[
            LiveGroupRow(
                app=group.app,
                value=group.value,
                sessions=group.sessions,
                users=group.users,
                networks=group.networks,
                last=to_datetime(group.last_us),
                country=group.country,
            )
            for group in found.groups[:MOST_GROUPS]
        ],
        more=len(found.groups) > MOST_GROUPS,
    )


def live_window(asker: Asker) -> int:
    """Return how far back every live session was used, at least a day; microseconds."""
    return max(DAY, _longest_idle_us(asker))


def _longest_idle_us(asker: Asker) -> int:
    return max([DEFAULT_IDLE_US, *asker.installation.idle_us.values()])
