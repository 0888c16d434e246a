"""When a chat is told: at once, together with others of its kind, or after quiet hours (decision 5: one clock)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from response.hours import Hours
from schemas.alert import Alert, Severity
from schemas.instant import MINUTE

MOST_GROUPS = 20_000
"""Keys of open groups that are remembered by chat; beyond, the oldest goes, and its next alert is told alone."""


class About(msgspec.Struct, frozen=True):
    """What a message is about and with which others it belongs together.

    Attributes:
        group: the id of the alert that began the group.
        same: what it has in common with that alert: network, user or campaign.
        since_us, until_us: of the group's window, microseconds since the epoch.
        keys: by which later alerts find the group.
    """

    alert_id: str
    group: str
    same: str
    since_us: int
    until_us: int
    keys: tuple[str, ...]
    network: str | None = None
    user_id: str | None = None


class _Group(msgspec.Struct):
    about: About
    joined: bool = False


class Pace:
    """Decides by alert when a chat is told. What it knows stands in the payloads of the outbox, see `restore`.

    Args:
        group_within_us: alerts of one user or campaign in so long become one message; 0 = each is told by itself.
        quiet: hours in which only what is critical is told; the rest waits for their end.
    """

    def __init__(self, group_within_us: int = 0, quiet: Hours | None = None) -> None:
        self._within_us = group_within_us
        self._quiet = quiet
        self._groups: OrderedDict[str, _Group] = OrderedDict()
        self._campaigns: OrderedDict[str, str] = OrderedDict()

    def restore(self, known: Iterable[tuple[About, int]], now_us: int) -> None:
        """Take up the groups of an earlier run.

        Args:
            known: of messages, with the instant at which each is due; the oldest first.
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        for about, due_us in known:
            if about.until_us + self._within_us <= now_us:
                continue
            group = self._groups.get(f"alert:{about.group}") or _Group(about)
            if about.until_us > group.about.until_us:
                group.about = about
            group.joined = group.joined or about.alert_id != about.group or due_us > now_us
            self._remember((f"alert:{about.group}", *about.keys), group)

    def note_campaign(self, alert_id: str, campaign_id: str | None) -> None:
        """Note which campaign an alert belongs to; the group of its earlier alert becomes the campaign's."""
        if campaign_id is None:
            self._campaigns.pop(alert_id, None)
            return
        self._campaigns[alert_id] = campaign_id
        while len(self._campaigns) > MOST_GROUPS:
            self._campaigns.popitem(last=False)
        group = self._groups.get(f"alert:{alert_id}")
        if group is not None and f"campaign:{campaign_id}" not in self._groups:
            self._remember((f"campaign:{campaign_id}",), group)

    def after_quiet(self, severity: Severity, now_us: int) -> int:
        """Return when something of this severity may be told: now, or at the end of the quiet hours."""
        if severity is Severity.CRITICAL or self._quiet is None or not self._quiet.contains(now_us):
            return now_us
        return self._quiet.until(now_us) or now_us

    def place(self, alert: Alert, severity: Severity, now_us: int) -> tuple[About, int]:
        """Return what a message about an alert belongs to, and when it is due.

        Args:
            alert: as it is now.
            severity: of the message.
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        keys = self._keys(alert)
        found = next((self._groups[key] for key in keys if key in self._groups), None)
        if found is not None and not self._is_open(found, now_us):
            found = None
        if found is None:
            about = About(
                alert.alert_id, alert.alert_id, "user", now_us, self._end(now_us), keys,
                alert.network, alert.user_id,
            )  # fmt: skip
            due_us = self.after_quiet(severity, now_us)
            self._remember(keys, _Group(about, joined=due_us > now_us))
            return about, due_us
        first = found.about
        if now_us >= first.until_us:
            first = msgspec.structs.replace(first, since_us=first.until_us, until_us=self._end(now_us))
        found.about = first
        found.joined = True
        self._remember(keys, found)
        about = msgspec.structs.replace(
            first, alert_id=alert.alert_id, same=_same(first, alert),
            keys=keys, network=first.network, user_id=first.user_id,
        )  # fmt: skip
        if severity is Severity.CRITICAL:
            return about, now_us
        return about, self.after_quiet(severity, max(first.until_us, now_us))

    def _is_open(self, group: _Group, now_us: int) -> bool:
        """Whether the window lasts, or goes on because more have come in it."""
        return now_us < group.about.until_us + (self._within_us if group.joined else 0)

    def _end(self, now_us: int) -> int:
        # At full minutes, so that many groups end together and can be told together.
        return -(-(now_us + self._within_us) // MINUTE) * MINUTE if self._within_us else now_us

    def _keys(self, alert: Alert) -> tuple[str, ...]:
        keys = [f"alert:{alert.alert_id}"]
        if alert.user_id is not None:
            keys.append(f"user:{alert.app}:{alert.user_id}")
        campaign = self._campaigns.get(alert.alert_id)
        if campaign is not None:
            keys.append(f"campaign:{campaign}")
        return tuple(keys)

    def _remember(self, keys: Iterable[str], group: _Group) -> None:
        for key in keys:
            self._groups[key] = group
            self._groups.move_to_end(key)
        while len(self._groups) > MOST_GROUPS:
            self._groups.popitem(last=False)


def _same(first: About, alert: Alert) -> str:
    if alert.network is not None and alert.network == first.network:
        return "network"
    return "user" if alert.user_id is not None and alert.user_id == first.user_id else "campaign"
