"""Sessions and users as people look for them: lists, facts, and the aggregate behind a session's picture."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from schemas.event import Event
from schemas.instant import MINUTE
from store.event_columns import SELECTED, events_of
from store.reading import Reading
from store.session_facts import (
    Bin,
    Device,
    DeviceSummary,
    Lane,
    LiveGroup,
    LiveGroups,
    PlaceSummary,
    Scope,
    SessionSummary,
    Span,
    UserFacts,
)

DEFAULT_IDLE_US = 30 * MINUTE
LATEST_US = 4_102_444_800_000_000

_DEVICE = "coalesce(device_id, concat_ws('/', agent_family, agent_os, agent_device_class), '')"
_USES = "type IN ('create', 'validate')"
_SUMMARY = f"""
max(user_id) AS user_id, min(event_time) AS first, max(event_time) AS last,
min(event_time) FILTER (type = 'create') AS created,
max(event_time) FILTER ({_USES}) AS last_use,
max(event_time) FILTER (type = 'destroy') AS ended,
arg_max(reason, event_time) FILTER (type = 'destroy') AS end_reason,
count(*) AS events, coalesce(sum(count) FILTER ({_USES}), 0)::BIGINT AS requests,
arg_max(network, event_time) FILTER ({_USES}) AS last_network,
count(DISTINCT network) AS networks, count(DISTINCT {_DEVICE}) AS devices,
arg_max(country, event_time) FILTER (country IS NOT NULL) AS country,
arg_max(concat_ws(' on ', agent_family, agent_os), event_time) FILTER (agent_family IS NOT NULL) AS agent
"""
_SHOWN = f"""
WITH idle AS (SELECT unnest($idle_apps::VARCHAR[]) AS app, unnest($idles::BIGINT[]) AS idle),
recent AS (
    SELECT * FROM events
    WHERE event_time >= make_timestamp($since) AND event_time < make_timestamp($until)
        AND ($apps::VARCHAR[] IS NULL OR list_contains($apps, app))
        AND ($user_id::VARCHAR IS NULL OR user_id = $user_id)
        AND ($session_id::VARCHAR IS NULL OR session_id = $session_id OR reason = 'logout_all')
), left_everywhere AS (
    SELECT app, user_id, max(event_time) AS ended FROM recent
    WHERE type = 'destroy' AND reason = 'logout_all' AND session_id IS NULL GROUP BY app, user_id
), summary AS (
    SELECT app, session_id, {_SUMMARY} FROM recent WHERE session_id IS NOT NULL GROUP BY app, session_id
), judged AS (
    SELECT summary.* EXCLUDE (ended, end_reason),
        CASE WHEN left_everywhere.ended >= last_use AND coalesce(summary.ended < last_use, true)
            THEN left_everywhere.ended WHEN coalesce(summary.ended >= last_use, true) THEN summary.ended
        END AS ended,
        CASE WHEN left_everywhere.ended >= last_use AND coalesce(summary.ended < last_use, true)
            THEN 'logout_all' WHEN coalesce(summary.ended >= last_use, true) THEN end_reason
        END AS end_reason,
        coalesce(idle.idle, $idle) AS idle
    FROM summary LEFT JOIN left_everywhere USING (app, user_id) LEFT JOIN idle USING (app)
), shown AS (
    SELECT *, ended IS NULL AND epoch_us(last_use) >= $now - idle IS TRUE AS live FROM judged
)
"""
SESSIONS = f"""{_SHOWN}
SELECT app, session_id, user_id, epoch_us(first), epoch_us(last), epoch_us(created), epoch_us(ended), end_reason,
    coalesce(live, false), events, requests, networks, devices, country, agent, last_network
FROM shown
WHERE ($live::BOOLEAN IS NULL OR coalesce(live, false) = $live)
    AND ($network::VARCHAR IS NULL OR last_network = $network)
    AND (last, app, session_id) < (make_timestamp($after_time), $after_app, $after_id)
ORDER BY last DESC, app DESC, session_id DESC LIMIT $limit
"""
_OF_KIND = "CASE $kind WHEN 'user' THEN user_id WHEN 'network' THEN last_network ELSE app END"
LIVE_GROUPS = f"""{_SHOWN}, live AS (SELECT *, {_OF_KIND} AS value FROM shown WHERE live), grouped AS (
    SELECT app, value, count(*) AS sessions, count(DISTINCT user_id) AS users,
        count(DISTINCT last_network) AS networks, epoch_us(max(last)) AS last,
        arg_max(country, last) FILTER (country IS NOT NULL) AS country
    FROM live WHERE value IS NOT NULL GROUP BY app, value
), whole AS (
    SELECT count(*) AS all_sessions, count(DISTINCT (app, user_id)) FILTER (user_id IS NOT NULL) AS all_users,
        count(DISTINCT last_network) AS all_networks FROM live
)
SELECT all_sessions, all_users, all_networks, app, value, sessions, users, networks, last, country
FROM whole LEFT JOIN grouped ON true ORDER BY sessions DESC, last DESC, app, value LIMIT $limit
"""
SPAN = """
SELECT epoch_us(min(event_time)), epoch_us(max(event_time)), count(*), max(user_id) FROM events
WHERE app = $app AND session_id = $session_id
    AND event_time >= make_timestamp($since) AND event_time < make_timestamp($until)
"""
EVENTS_PAGE = f"""
SELECT {SELECTED} FROM events
WHERE app = $app AND session_id = $session_id
    AND event_time >= make_timestamp($since) AND event_time < make_timestamp($until)
    AND (event_time, event_id) > (make_timestamp($after_time), $after_id::UUID)
ORDER BY event_time, event_id LIMIT $limit
"""
EVENT = f"SELECT {SELECTED} FROM events WHERE event_time = make_timestamp($at) AND event_id = $event_id::UUID LIMIT 1"
TYPES = """
SELECT type, count(*), sum(count)::BIGINT FROM events
WHERE app = $app AND session_id = $session_id
    AND event_time >= make_timestamp($since) AND event_time < make_timestamp($until) GROUP BY type
"""
_WHOSE = """
list_contains($apps::VARCHAR[], app)
    AND ($session_id::VARCHAR IS NULL OR session_id = $session_id)
    AND ($user_id::VARCHAR IS NULL OR user_id = $user_id)
    AND event_time >= make_timestamp($since) AND event_time < make_timestamp($until)
    AND type <> 'heartbeat'
"""
PLACES = f"""
SELECT network, arg_max(ip, event_time), arg_max(country, event_time), arg_max(region, event_time),
    arg_max(city, event_time), arg_max(asn, event_time), arg_max(network_type, event_time),
    epoch_us(min(event_time)), epoch_us(max(event_time)), count(*),
    coalesce(sum(count) FILTER ({_USES}), 0)::BIGINT, count(DISTINCT session_id)
FROM events WHERE {_WHOSE} GROUP BY network ORDER BY max(event_time) DESC, network LIMIT $limit
"""
DEVICES = f"""
SELECT device_id, agent_family, agent_os, agent_device_class, arg_max(user_agent, event_time),
    epoch_us(min(event_time)), epoch_us(max(event_time)), count(*),
    coalesce(sum(count) FILTER ({_USES}), 0)::BIGINT, count(DISTINCT session_id),
    list_sort(list(DISTINCT country) FILTER (country IS NOT NULL))[:20]
FROM events WHERE {_WHOSE} GROUP BY device_id, agent_family, agent_os, agent_device_class
ORDER BY max(event_time) DESC LIMIT $limit
"""
USER_FACTS = f"""
SELECT list_sort(list(DISTINCT app)), epoch_us(min(event_time)), epoch_us(max(event_time)),
    count(DISTINCT (app, session_id)) FILTER (session_id IS NOT NULL),
    coalesce(sum(count) FILTER (type = 'fail'), 0)::BIGINT
FROM events WHERE {_WHOSE}
"""
LANES = f"""
SELECT network, arg_max(country, event_time), arg_max(asn, event_time), arg_max(network_type, event_time),
    device_id, agent_family, agent_os, agent_device_class,
    epoch_us(min(event_time)), epoch_us(max(event_time)), count(*)
FROM events WHERE {_WHOSE}
GROUP BY network, device_id, agent_family, agent_os, agent_device_class
ORDER BY count(*) DESC, min(event_time) LIMIT $limit
"""
BINS = f"""
SELECT network, device_id, agent_family, agent_os, agent_device_class, type, reason,
    CASE WHEN type = 'validate' OR $bin_all THEN (epoch_us(event_time) - $since) // $bin ELSE epoch_us(event_time) END
        AS place,
    epoch_us(min(event_time)), epoch_us(max(event_time)), sum(count)::BIGINT, count(*),
    arg_min(event_id, event_time)::VARCHAR
FROM events WHERE {_WHOSE}
GROUP BY network, device_id, agent_family, agent_os, agent_device_class, type, reason, place
ORDER BY min(event_time) LIMIT $limit
"""
SEEN_NETWORKS = """
SELECT DISTINCT network FROM events
WHERE list_contains($apps::VARCHAR[], app) AND user_id = $user_id AND list_contains($networks::VARCHAR[], network)
    AND event_time >= make_timestamp($since) AND event_time < make_timestamp($until)
    AND type IN ('create', 'validate') AND session_id <> $session_id
"""
SEEN_DEVICES = """
SELECT DISTINCT device_id, agent_family, agent_os, agent_device_class FROM events
WHERE list_contains($apps::VARCHAR[], app) AND user_id = $user_id
    AND event_time >= make_timestamp($since) AND event_time < make_timestamp($until)
    AND type IN ('create', 'validate') AND session_id <> $session_id LIMIT 1000
"""


class SessionSearch(Reading):
    """Queries over the events of sessions and users. Every one is bounded by event time and by a limit."""

    def session_summaries(
        self,
        *,
        since_us: int,
        until_us: int,
        now_us: int,
        idle_us: Mapping[str, int],
        apps: Collection[str] | None = None,
        user_id: str | None = None,
        session_id: str | None = None,
        network: str | None = None,
        live: bool | None = None,
        after: tuple[int, str, str] | None = None,
        limit: int = 100,
    ) -> list[SessionSummary]:
        """Return sessions with events in the time asked for, the last used first.

        Args:
            since_us, until_us: event time, microseconds since the epoch.
            now_us: the pipeline's clock.
            idle_us: idle timeouts by app; 30 minutes for the others.
            apps, user_id, session_id, live: only these; None for all.
            network: only those last used from it; None for all.
            after: time of the last event, app and id of the last session of the page before.
            limit: most rows.
        """
        after_time, after_app, after_id = after or (LATEST_US, "", "")
        shown = _shown(since_us, until_us, now_us, idle_us, apps)
        parameters = shown | {
            "user_id": user_id,
            "session_id": session_id,
            "network": network,
            "live": live,
            "after_time": after_time,
            "after_app": after_app,
            "after_id": after_id,
            "limit": limit,
        }
        return [SessionSummary(*row) for row in self._rows(SESSIONS, parameters)]

    def live_groups(
        self,
        kind: Literal["user", "network", "app"],
        *,
        since_us: int,
        until_us: int,
        now_us: int,
        idle_us: Mapping[str, int],
        apps: Collection[str] | None = None,
        limit: int = 100,
    ) -> LiveGroups:
        """Return live sessions in groups, the largest first.

        Args:
            kind: what the sessions of a group have in common, besides their app.
            since_us, until_us, now_us, idle_us, apps: as for `session_summaries`.
            limit: most groups.
        """
        parameters = _shown(since_us, until_us, now_us, idle_us, apps)
        parameters |= {"user_id": None, "session_id": None, "kind": kind, "limit": limit}
        rows = self._rows(LIVE_GROUPS, parameters)
        # Without a group there is one row, of the counts alone.
        groups = [LiveGroup(*row[3:]) for row in rows if row[3] is not None]
        return LiveGroups(rows[0][0], rows[0][1], rows[0][2], groups)

    def session_span(self, app: str, session_id: str, since_us: int, until_us: int) -> Span | None:
        """Return what a session did in some time; None without any event of it."""
        between = {"app": app, "session_id": session_id, "since": since_us, "until": until_us}
        row = self._row(SPAN, between)
        return None if row is None or row[0] is None else Span(*row)

    def session_events(
        self,
        app: str,
        session_id: str,
        since_us: int,
        until_us: int,
        *,
        after: tuple[int, str] | None = None,
        limit: int = 200,
    ) -> list[Event]:
        """Return a page of a session's events, the oldest first.

        Args:
            app, session_id: whose.
            since_us, until_us: since <= event time < until, microseconds since the epoch.
            after: time and id of the last event of the page before.
            limit: most rows.
        """
        after_time, after_id = after or (0, "00000000-0000-0000-0000-000000000000")
        parameters = {
            "app": app,
            "session_id": session_id,
            "since": since_us,
            "until": until_us,
            "after_time": after_time,
            "after_id": after_id,
            "limit": limit,
        }
        return list(events_of(self._rows(EVENTS_PAGE, parameters)))

    def event(self, event_id: str, time_us: int) -> Event | None:
        """Return the event of an id and a time, or None."""
        rows = self._rows(EVENT, {"event_id": event_id, "at": time_us})
        return next(iter(events_of(rows)), None)

    def types_of_session(self, app: str, session_id: str, since_us: int, until_us: int) -> dict[str, tuple[int, int]]:
        """Return by event type the rows, and what they stand for."""
        between = {"app": app, "session_id": session_id, "since": since_us, "until": until_us}
        return {row[0]: (row[1], row[2]) for row in self._rows(TYPES, between)}

    def places(self, scope: Scope, limit: int = 100) -> list[PlaceSummary]:
        """Return the networks of a session or user, the last used first."""
        return [PlaceSummary(*row) for row in self._rows(PLACES, _whose(scope) | {"limit": limit})]

    def devices(self, scope: Scope, limit: int = 100) -> list[DeviceSummary]:
        """Return the devices of a session or user, the last used first."""
        return [DeviceSummary(*row) for row in self._rows(DEVICES, _whose(scope) | {"limit": limit})]

    def user_facts(self, scope: Scope) -> UserFacts:
        """Return what was seen of a user."""
        row = self._row(USER_FACTS, _whose(scope))
        return UserFacts(*row) if row else UserFacts(None, None, None, 0, 0)

    def lanes(self, scope: Scope, limit: int) -> list[Lane]:
        """Return the lanes of a session's picture, the busiest first."""
        return [Lane(*row) for row in self._rows(LANES, _whose(scope) | {"limit": limit})]

    def bins(self, scope: Scope, bin_us: int, *, bin_all: bool, limit: int) -> list[Bin]:
        """Return a session's events in bins, in the order of time.

        Args:
            scope: which session, and when.
            bin_us: the width of a bin in microseconds, counted from the scope's beginning.
            bin_all: gather every type, not validates alone.
            limit: most rows.
        """
        parameters = _whose(scope) | {"bin": bin_us, "bin_all": bin_all, "limit": limit}
        return [Bin(*row) for row in self._rows(BINS, parameters)]

    def seen_before(
        self, scope: Scope, besides: str, networks: Iterable[str]
    ) -> tuple[frozenset[str], frozenset[Device]]:
        """Return which networks, and which devices, a user had been accepted with.

        Args:
            scope: which user, and when.
            besides: the session that does not count.
            networks: asked for.
        """
        parameters = _whose(scope)
        parameters["session_id"] = besides
        devices = self._rows(SEEN_DEVICES, parameters)
        known = self._rows(SEEN_NETWORKS, parameters | {"networks": list(networks)})
        return frozenset(row[0] for row in known), frozenset((row[0], row[1], row[2], row[3]) for row in devices)


def _shown(
    since_us: int, until_us: int, now_us: int, idle_us: Mapping[str, int], apps: Collection[str] | None
) -> dict[str, Any]:
    return {
        "since": since_us,
        "until": until_us,
        "now": now_us,
        "idle": DEFAULT_IDLE_US,
        "idle_apps": list(idle_us),
        "idles": list(idle_us.values()),
        "apps": None if apps is None else list(apps),
    }


def _whose(scope: Scope) -> dict[str, Any]:
    return {
        "apps": list(scope.apps),
        "session_id": scope.session_id,
        "user_id": scope.user_id,
        "since": scope.since_us,
        "until": scope.until_us,
    }
