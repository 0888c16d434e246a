"""A policy tried on the past: what it would have done, day by day, with the guard, and nothing is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from response.automatic import SCOPES_OF_ACTS
from response.guard import DEFAULT_IDLE_US, Guard, Limits, LiveSessions, Wanted
from response.policy import Action, Policy
from schemas.alert import Alert
from schemas.app import Apps
from schemas.instant import DAY
from schemas.revocation import Scope

MOST_ACTS = 500
"""Acts that are told one by one; all of them are counted."""

Reach = Callable[[str, Scope], bool]
"""Whether some target of an app can do a scope."""


class Past(LiveSessions, Protocol):
    """The store, asked as of an instant of the past. `store.past.Past` answers."""

    def live_of_user_at(self, app: str, user_id: str, at_us: int, idle_us: int) -> int:
        """Return how many sessions of a user were live."""

    def live_from_at(self, app: str, network: str, at_us: int, idle_us: int) -> list[tuple[str, str | None]]:
        """Return the sessions that were live and last used from a network."""

    def accepted_among(self, app: str, events: Iterable[tuple[str, int]]) -> list[tuple[str, str | None]]:
        """Return session and user of those of these events that are successes."""


class TriedAct(msgspec.Struct, frozen=True):
    """What one act of one alert would have come to.

    Attributes:
        outcome: done, held for a person, or withheld.
        why: what kept it from being done.
        sessions: how many it would have ended.
    """

    at_us: int
    alert_id: str
    rule_id: str
    app: str
    line: int | None
    act: Action
    outcome: str
    why: str = ""
    sessions: int = 0


class TriedDay(msgspec.Struct):
    """One day (UTC).

    Attributes:
        day: days since the epoch.
        told: alerts that people would have been told of.
        done, held, withheld: acts, by name.
        sessions: how many would have ended.
        why: how often which reason kept an act from being done.
    """

    day: int
    alerts: int = 0
    told: int = 0
    sessions: int = 0
    done: Counter[str] = msgspec.field(default_factory=Counter)
    held: Counter[str] = msgspec.field(default_factory=Counter)
    withheld: Counter[str] = msgspec.field(default_factory=Counter)
    why: Counter[str] = msgspec.field(default_factory=Counter)


class Trial:
    """Decides about past alerts, in the order of their events, on a guard of its own.

    It takes each alert as it stands today, when it was completed: its clock is event time.

    Args:
        policy: the lines.
        limits: of the guard.
        past: the store.
        apps: what is declared.
        reach: what the targets can do.
    """

    def __init__(self, policy: Policy, limits: Limits, past: Past, apps: Apps, reach: Reach) -> None:
        self._policy = policy
        self._guard = Guard(past, apps, limits)
        self._past = past
        self._apps = apps
        self._reach = reach
        self._ended: set[tuple[str, Scope, str]] = set()
        self._days: dict[int, TriedDay] = {}
        self.acts: list[TriedAct] = []

    def run(self, alerts: Iterable[Alert]) -> list[TriedDay]:
        """Return the days, the first first.

        Args:
            alerts: in the order of their event times.
        """
        for alert in alerts:
            self._try(alert)
        return [self._days[day] for day in sorted(self._days)]

    def _try(self, alert: Alert) -> None:
        at_us = alert.event_time_us
        decision = self._policy.decide(alert, at_us)
        day = self._days.setdefault(at_us // DAY, TriedDay(at_us // DAY))
        day.alerts += 1
        day.told += "notify" in decision.actions
        if decision.withheld:
            day.withheld["all acts"] += 1
            day.why[decision.withheld] += 1
        for act in decision.acts:
            outcome, why, sessions = self._outcome(alert, act, widen=decision.widen)
            {"done": day.done, "held": day.held, "withheld": day.withheld}[outcome][act] += 1
            day.sessions += sessions if outcome == "done" else 0
            if why:
                day.why[why] += 1
            if len(self.acts) < MOST_ACTS:
                self.acts.append(
                    TriedAct(
                        at_us, alert.alert_id, alert.rule_id, alert.app, decision.line, act, outcome, why, sessions
                    )
                )

    def _outcome(self, alert: Alert, act: Action, *, widen: bool) -> tuple[str, str, int]:
        """Return what an act would have come to, why not, and how many sessions it is about."""
        if act == "step_up":
            return "done", "", 0
        scope = SCOPES_OF_ACTS[act]
        if scope == "session" and widen and not self._reach(alert.app, "session") and self._reach(alert.app, "user"):
            scope = "user"
        subject = {"session": alert.session_id, "network": alert.network}.get(scope, alert.user_id) or ""
        if (alert.app, scope, subject) in self._ended and scope != "network":
            return "withheld", "it was taken away before", 0
        sessions, unproven = self._counted(alert, scope)
        if unproven:
            return "withheld", unproven, sessions
        if not self._reach(alert.app, "session" if scope == "network" else scope):
            return "held", f"no target for app {alert.app} can do it", sessions
        networks = tuple(name for name in (alert.ip, alert.network) if name is not None)
        wanted = Wanted(alert.app, alert.rule_id, alert.severity, alert.user_id, sessions, scope, networks)
        allowance = self._guard.admit(wanted, alert.event_time_us)
        if not allowance.allowed:
            return "held", allowance.exhausted or allowance.reason, sessions
        if scope != "user":
            # A user's ends what was there before; the guard's cool-down keeps a second one apart.
            self._ended.add((alert.app, scope, subject))
        return "done", "", sessions

    def _counted(self, alert: Alert, scope: Scope) -> tuple[int, str]:
        """Return how many sessions an act is about, and why the evidence does not suffice (decision 27)."""
        proven = self._past.accepted_among(alert.app, [(item.event_id, item.time_us) for item in alert.evidence])
        sessions, users = {session for session, _ in proven}, {user for _, user in proven}
        idle_us = self._apps[alert.app].idle_timeout_us or DEFAULT_IDLE_US
        lacking = "no accepted use is among the alert's evidence"
        if scope == "session":
            return 1, "" if alert.session_id in sessions else lacking
        if scope == "network":
            live = self._past.live_from_at(alert.app, alert.network or "", alert.event_time_us, idle_us)
            spoken_of = [one for one in live if one[0] in sessions or one[1] in users]
            return len(spoken_of), "" if spoken_of else lacking
        if alert.user_id not in users:
            return 0, lacking
        if scope == "login":
            return 1, ""
        return self._past.live_of_user_at(alert.app, alert.user_id or "", alert.event_time_us, idle_us), ""
