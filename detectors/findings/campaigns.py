"""Campaigns: alerts that share where they come from, grouped as one incident.

Two alerts belong together when they share a network, an autonomous system of hosting, a device or the User-Agent of a
tool, and not more than six hours lie between them; and so do all that are joined by such pairs. Not shared, since many
people have them in common: networks of offices, carriers and VPNs, browsers, and tools that twenty sessions of a day
begin with, such as an app's own client.

It is a campaign with at least three users, with at least five alerts, or with one alert that is itself about a
network, device or app, which no rule raises for fewer than three users, and another one beside it. Its id is that of
its first alert: what comes later does not change it, unless it shows that the campaign began earlier. Alerts of info
severity belong to none.

Source: "Diamond Model of Intrusion Analysis" (Caltagirone et al., 2013), grouping by shared infrastructure.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from detectors.findings.standing import Move, Standing
from detectors.judge import MAX_TOOL, TOOL_CLASSES
from detectors.networks import ANONYMISER_TYPES
from schemas.alert import ALERT_NAMESPACE, Severity
from schemas.event import Event
from schemas.instant import DAY, HOUR
from store.rows import CampaignRow, MemberRow, SharedValue

WINDOW_US = 6 * HOUR
MIN_USERS, MIN_ALERTS = 3, 5

CROWDED_TYPES = frozenset({"office", "mobile", "vpn"})
"""Networks that strangers share."""
SHARED_ASN_TYPES = ANONYMISER_TYPES - {"vpn"}
"""Where an autonomous system says something: an attacker rents there, and customers of an access provider do not."""

COMMON_SESSIONS = 20
"""Sessions that a tool must have begun in a day to be an app's own client rather than somebody's script."""
MAX_TOOLS = 1_000
MAX_SHARED = 20
"""Shared values that are told of one campaign."""

DAYS_OF_TOOL = 3

Value = tuple[str, str, str]
"""Realm, kind, and what is shared."""

ToolKey = tuple[str, str]
"""Realm and User-Agent."""

_MANY = frozenset({"network", "device", "app"})


@dataclass(slots=True)
class Grouped:
    """What a batch did to campaigns: rows that changed, and alerts that belong elsewhere now."""

    campaigns: list[CampaignRow]
    members: list[MemberRow]


class Tool(msgspec.Struct, gc=False, array_like=True):
    """How many sessions began with a tool, by day; `common` once there were enough on one."""

    sessions: dict[int, int] = {}
    common: bool = False


class Campaigns:
    """Groups the alerts that stand.

    Args:
        window_us: the longest pause between two alerts that share a value.
    """

    def __init__(self, window_us: int = WINDOW_US) -> None:
        self.tools: dict[ToolKey, Tool] = {}
        self._window_us = window_us
        self._alerts: dict[str, Standing] = {}
        self._sharing: dict[Value, set[str]] = {}
        self._campaign_of: dict[str, str] = {}
        self._members: dict[str, set[str]] = {}
        # As it was told: an alert that leaves and comes back in one batch is no news.
        self._told: dict[str, str] = {}
        self._dirty: set[str] = set()
        self._moved: set[str] = set()
        self._touched: set[str] = set()
        self._changed_tools: set[ToolKey] = set()

    def observe(self, event: Event, realm: str) -> None:
        """Take note of a tool with which a session began."""
        if event.agent.device_class not in TOOL_CLASSES or not event.user_agent:
            return
        key = realm, event.user_agent[:MAX_TOOL]
        tool = self.tools.get(key)
        if tool is None:
            while len(self.tools) >= MAX_TOOLS:
                # The one that began fewest sessions: whoever invents agents invents each of them once.
                rarest = min(self.tools, key=lambda one: (self.tools[one].common, _most(self.tools[one]), one))
                self._changed_tools.add(rarest)
                del self.tools[rarest]
            tool = self.tools[key] = Tool()
        if tool.common:
            return
        day = event.time_us // DAY
        tool.sessions[day] = tool.sessions.get(day, 0) + 1
        if len(tool.sessions) > DAYS_OF_TOOL:
            del tool.sessions[min(tool.sessions)]
        self._changed_tools.add(key)
        if _most(tool) >= COMMON_SESSIONS:
            sharing = self._sharing.get((realm, "tool", key[1]), set())
            alerts = [self._alerts[identity] for identity in sorted(sharing)]
            for one in alerts:
                self._remove(one)
            tool.common, tool.sessions = True, {}
            for one in alerts:
                self._add(one)

    def move(self, move: Move) -> None:
        """Take in how an alert changed."""
        if move.before is not None and move.before.alert_id in self._alerts:
            self._remove(move.before)
        if move.after is not None and move.after.rank > Severity.INFO.rank and not move.after.cleared:
            self._add(move.after)

    def forget(self, gone: Standing) -> None:
        """Take an alert as history: it stays in its campaign, as that was told."""
        if gone.alert_id in self._alerts:
            self._unshare(gone)
            self._leave(gone.alert_id)
            self._told.pop(gone.alert_id, None)

    def changes(self) -> Grouped:
        """Return what is new."""
        dirty, self._dirty = self._dirty, set()
        seen: set[str] = set()
        for identity in sorted(dirty):
            if identity in self._alerts and identity not in seen:
                together = self._together(identity)
                seen |= together
                self._assign(together)
        touched, self._touched = self._touched, set()
        moved, self._moved = self._moved, set()
        return Grouped([self._row(name) for name in sorted(touched)], list(self._news(moved)))

    def retell(self) -> None:
        """Write every campaign anew with the next changes: the stored ones were made by other rules."""
        self._told.clear()
        self._touched.update(self._members)
        self._moved.update(self._campaign_of)

    def stored_tools(self) -> Iterator[tuple[ToolKey, Tool | None]]:
        """Yield the tools that changed since the last call; None = no longer known."""
        changed, self._changed_tools = self._changed_tools, set()
        for key in sorted(changed):
            yield key, self.tools.get(key)

    def _add(self, one: Standing) -> None:
        self._alerts[one.alert_id] = one
        for value in self._values(one):
            self._sharing.setdefault(value, set()).add(one.alert_id)
        self._dirty.add(one.alert_id)

    def _remove(self, one: Standing) -> None:
        self._unshare(one)
        campaign = self._leave(one.alert_id)
        self._moved.add(one.alert_id)
        if campaign is not None:
            # Without it the others may no longer belong together.
            self._dirty |= self._members.get(campaign, set())
            self._touched.add(campaign)

    def _unshare(self, one: Standing) -> None:
        del self._alerts[one.alert_id]
        for value in self._values(one):
            sharing = self._sharing.get(value, set())
            sharing.discard(one.alert_id)
            if not sharing:
                self._sharing.pop(value, None)

    def _leave(self, identity: str) -> str | None:
        campaign = self._campaign_of.pop(identity, None)
        if campaign is not None:
            members = self._members[campaign]
            members.discard(identity)
            if not members:
                del self._members[campaign]
        return campaign

    def _together(self, identity: str) -> set[str]:
        """Return the alerts that are joined to this one, itself included."""
        found, waiting = {identity}, [identity]
        looked: set[tuple[Value, str]] = set()
        while waiting:
            one = self._alerts[waiting.pop()]
            for value in self._values(one):
                if (value, one.alert_id) in looked:
                    continue
                run = self._run(value, one)
                # Whoever is in it has the same one.
                looked.update((value, member) for member in run)
                waiting += [member for member in run if member not in found]
                found.update(run)
        return found

    def _run(self, value: Value, one: Standing) -> list[str]:
        """Return the alerts that share a value without a long pause before or after this one."""
        run: list[str] = []
        until_us = 0
        for began_us, identity, last_us in sorted(self._spans(value)):
            if run and began_us > until_us + self._window_us:
                if one.alert_id in run:
                    return run
                run, until_us = [], 0
            run.append(identity)
            until_us = max(until_us, last_us)
        return run

    def _spans(self, value: Value) -> Iterator[tuple[int, str, int]]:
        for identity in self._sharing[value]:
            one = self._alerts[identity]
            yield one.began_us, identity, one.last_us

    def _assign(self, together: set[str]) -> None:
        campaign = _identity(self._alerts[one] for one in together) if self._suffices(together) else None
        for identity in together:
            before = self._campaign_of.get(identity)
            if before != campaign:
                if before is not None:
                    self._leave(identity)
                    self._touched.add(before)
                if campaign is not None:
                    self._campaign_of[identity] = campaign
                    self._members.setdefault(campaign, set()).add(identity)
                self._moved.add(identity)
        if campaign is not None:
            self._touched.add(campaign)

    def _suffices(self, together: set[str]) -> bool:
        if len(together) < 2:
            return False
        alerts = [self._alerts[identity] for identity in together]
        users = {(one.realm, one.user_id) for one in alerts if one.user_id is not None}
        many = any(one.key_kind in _MANY for one in alerts)
        return many or len(alerts) >= MIN_ALERTS or len(users) >= MIN_USERS

    def _row(self, campaign: str) -> CampaignRow:
        alerts = [self._alerts[identity] for identity in self._members.get(campaign, ())]
        counts: dict[Value, int] = {}
        for one in alerts:
            for value in self._values(one):
                counts[value] = counts.get(value, 0) + 1
        shared = [SharedValue(kind, text, count) for (_, kind, text), count in counts.items() if count > 1]
        shared.sort(key=lambda one: (-one.alerts, one))
        return CampaignRow(
            campaign,
            alerts[0].realm if alerts else "",
            min((one.began_us for one in alerts), default=0),
            max((one.last_us for one in alerts), default=0),
            tuple(shared[:MAX_SHARED]),
        )

    def _news(self, moved: set[str]) -> Iterator[MemberRow]:
        for identity in sorted(moved):
            campaign = self._campaign_of.get(identity)
            if campaign == self._told.get(identity):
                continue
            if campaign is None:
                self._told.pop(identity, None)
            else:
                self._told[identity] = campaign
            yield MemberRow(identity, campaign)

    def _values(self, one: Standing) -> Iterator[Value]:
        if one.network is not None and one.network_type not in CROWDED_TYPES:
            yield one.realm, "network", one.network
        if one.asn is not None and one.network_type in SHARED_ASN_TYPES:
            yield one.realm, "asn", str(one.asn)
        if one.device_id is not None:
            yield one.realm, "device", one.device_id
        if one.tool:
            known = self.tools.get((one.realm, one.tool))
            if known is None or not known.common:
                yield one.realm, "tool", one.tool


def _identity(alerts: Iterable[Standing]) -> str:
    first = min(alerts, key=lambda one: (one.began_us, one.alert_id))
    return str(uuid.uuid5(ALERT_NAMESPACE, f"campaign {first.alert_id}"))


def _most(tool: Tool) -> int:
    return max(tool.sessions.values(), default=0)
