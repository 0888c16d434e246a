"""The guard against mass lock-out: how many sessions the pipeline may end by itself (decision 28).

A rule that is wrong, or an attacker who makes it wrong, must not log everybody out. Budgets are counted in
sessions to be ended, by app and in all, over the last hour of the pipeline's clock; what exceeds them is held for a
person.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Protocol

import msgspec

from response.hours import Hours
from schemas.alert import Severity
from schemas.app import Apps
from schemas.instant import HOUR, MINUTE, SECOND
from schemas.revocation import Revocation, Scope

FLOOR = 5
"""Critical sessions an hour and app that always pass: real thefts must not wait behind a wrong budget."""
DEFAULT_IDLE_US = 30 * MINUTE
"""A session used within this time is live, where the app declares no idle timeout."""
MANUAL_PER_HOUR = 1_000
"""Sessions that people may end an hour and app: their own limit, against a script gone wrong."""
VERDICTS_PER_HOUR = 50
"""Sessions that users' own verdicts may end an hour and app: a forged or leaked key must not empty an app."""
HOURS = 24
_COUNT_AGE_US = 10 * SECOND

POLICY = "policy"
"""`requested_by` of what the pipeline decides by itself."""
VERDICT = "user verdict"
"""`requested_by` of what a user's own verdict asks for."""

WIDE: frozenset[Scope] = frozenset({"user", "network", "login"})
"""Scopes that reach beyond the one session that the evidence is about."""
QUORUM = 2
"""People who must approve that a privileged user is locked out."""


class LiveSessions(Protocol):
    """How many sessions are in use. Live = used within the idle timeout."""

    def live_sessions(self, app: str, now_us: int, idle_us: int) -> int:
        """Return the live sessions of an app."""

    def hourly_live_counts(self, app: str, now_us: int, hours: int = HOURS) -> list[int]:
        """Return by hour how many sessions were in use, of the last `hours` hours that the store knows."""


class Allowance(msgspec.Struct, frozen=True):
    """The guard's answer: allowed, or why not.

    Attributes:
        exhausted: which budget has no room, by name; empty for every other reason.
    """

    allowed: bool
    reason: str = ""
    exhausted: str = ""


class Wanted(msgspec.Struct, frozen=True):
    """What is to be ended automatically.

    Attributes:
        app: whose sessions would end.
        rule_id: which rule asks.
        severity: of the alert.
        user_id: whose sessions, where known.
        sessions: how many would end.
        scope: how wide it is.
        networks: addresses and networks that the alert names.
        escalates: it follows a revocation of the same user that had no effect.
    """

    app: str
    rule_id: str
    severity: Severity
    user_id: str | None
    sessions: int = 1
    scope: Scope = "session"
    networks: tuple[str, ...] = ()
    escalates: bool = False


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration says about the guard.

    Attributes:
        max_share_per_hour: of an app's live sessions, 0 to 1.
        max_per_hour: sessions of an app. Unlike the share, it bounds critical ones too.
        max_share_per_hour_in_all: of the live sessions of all declared apps.
        max_per_hour_in_all: sessions of all apps.
        user_cooldown_us: after all sessions of a user were ended, or their login locked, the next such act on them
            waits for a person so long. Microseconds.
        protected_users: never revoked automatically (break-glass accounts).
        protected_networks: what comes from them is never revoked automatically (health checks, the office).
        privileged_users: locked out by two people only.
        business_hours: acts wider than a session happen by themselves only then; None = at any time.
    """

    max_share_per_hour: float = 0.02
    max_per_hour: int = 100
    max_share_per_hour_in_all: float = 1.0
    max_per_hour_in_all: int = 1_000_000
    user_cooldown_us: int = 0
    protected_users: frozenset[str] = frozenset()
    protected_networks: tuple[str, ...] = ()
    privileged_users: frozenset[str] = frozenset()
    business_hours: Hours | None = None


DEFAULT_LIMITS = Limits()


class Budget(msgspec.Struct, frozen=True):
    """One of the guard's budgets, and what the last hour has used of it; both in sessions.

    Attributes:
        name: as the configuration has it; "people" and "user verdicts" for the limits of what these end.
        app: whose sessions; None = those of all apps together.
        live: the live sessions that a share is of; None = it is a plain number.
    """

    name: str
    app: str | None
    used: int
    limit: float
    live: float | None = None


class _Spent(msgspec.Struct, frozen=True):
    at_us: int
    app: str
    rule_id: str
    sessions: int
    critical: bool
    by: str
    user_id: str | None
    scope: Scope


class Guard:
    """Counts what is ended, and says whether more may be.

    Attributes:
        paused: why nothing happens automatically (the kill switch); empty = it does.

    Args:
        live: counts live sessions.
        apps: for their idle timeouts.
        limits: what bounds it.
    """

    def __init__(self, live: LiveSessions, apps: Apps, limits: Limits = DEFAULT_LIMITS) -> None:
        self._live = live
        self._apps = apps
        self._limits = limits
        self._protected = [ip_network(text) for text in limits.protected_networks]
        self._spent: deque[_Spent] = deque()
        self._counts: dict[str, tuple[int, float]] = {}
        self.memory_us = max(HOUR, limits.user_cooldown_us)
        self.paused = ""

    def restore(self, revocations: Iterable[Revocation]) -> None:
        """Count what an earlier run has spent, so that budgets hold over restarts.

        Args:
            revocations: those sent within the last `memory_us`; others do no harm.
        """
        spent = [entry for entry in map(_entry, revocations) if entry is not None]
        self._spent = deque(sorted(spent, key=lambda entry: entry.at_us))

    def admit(self, wanted: Wanted, now_us: int) -> Allowance:
        """Decide about an automatic revocation; what is allowed is counted at once.

        Args:
            wanted: what would end.
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        reason = self.forbids(wanted, now_us)
        if reason:
            return Allowance(False, reason)
        self._forget(now_us)
        exhausted, reason = self._exceeded(wanted, now_us)
        if reason:
            return Allowance(False, reason, exhausted)
        critical = wanted.severity == Severity.CRITICAL
        self._spent.append(
            _Spent(now_us, wanted.app, wanted.rule_id, wanted.sessions, critical, POLICY, wanted.user_id, wanted.scope)
        )
        return Allowance(True)

    def admit_manual(self, app: str, sessions: int, now_us: int) -> Allowance:
        """Decide about a person's act: it has a limit of its own and leaves the pipeline's budgets alone.

        Args:
            app: whose sessions would end.
            sessions: how many.
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        return self._admit_by("person", app, None, sessions, MANUAL_PER_HOUR, now_us)

    def admit_verdict(self, app: str, user_id: str, sessions: int, now_us: int) -> Allowance:
        """Decide about what a user's own verdict asks for: no budget of the pipeline, and a limit of its own."""
        if self.paused:
            return Allowance(False, self.paused)
        if user_id in self._limits.protected_users:
            return Allowance(False, "the user is protected")
        if self.needs_quorum("user", user_id):
            return Allowance(False, f"a privileged user: {QUORUM} people have to approve")
        return self._admit_by(VERDICT, app, user_id, sessions, VERDICTS_PER_HOUR, now_us)

    def needs_quorum(self, scope: Scope, user_id: str | None) -> bool:
        """Return whether two people have to approve."""
        return scope in ("user", "login") and user_id in self._limits.privileged_users

    def forbids(self, wanted: Wanted, now_us: int) -> str:
        """Return why a person has to decide whatever the budgets say, or an empty text."""
        limits = self._limits
        if self.paused:
            return self.paused
        if wanted.user_id is not None and wanted.user_id in limits.protected_users:
            return "the user is protected"
        protected = next((name for name in wanted.networks if self._is_protected(name)), None)
        if protected is not None:
            return f"the network {protected} is protected"
        if self.needs_quorum(wanted.scope, wanted.user_id):
            return f"a privileged user: {QUORUM} people have to approve"
        if wanted.scope not in WIDE:
            return ""
        if limits.business_hours is not None and not limits.business_hours.contains(now_us):
            return f"outside business hours ({limits.business_hours.text}) only single sessions end by themselves"
        return self._cools_down(wanted, now_us)

    def budgets(self, now_us: int) -> list[Budget]:
        """Return every budget and what is used of it: those of each app, then those of all together.

        Args:
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        recent = self._recent(now_us)
        apps = sorted({one.name for one in self._apps.declared()} | {entry.app for entry in recent})
        budgets = [budget for app in apps for budget in self._budgets_of(app, recent, now_us)]
        used = _total([entry for entry in recent if entry.by == POLICY])
        budgets.append(Budget("max_per_hour_in_all", None, used, self._limits.max_per_hour_in_all))
        share = self._limits.max_share_per_hour_in_all
        if share < 1:
            live = sum(self._usual_count(one.name, now_us) for one in self._apps.declared())
            budgets.append(Budget("max_share_per_hour_in_all", None, used, share * live, live))
        return budgets

    def is_protected_user(self, user_id: str | None) -> bool:
        """Return whether a user's sessions are ended by people alone."""
        return user_id is not None and user_id in self._limits.protected_users

    def _admit_by(self, by: str, app: str, user_id: str | None, sessions: int, limit: int, now_us: int) -> Allowance:
        self._forget(now_us)
        used = sum(entry.sessions for entry in self._recent(now_us) if entry.app == app and entry.by == by)
        if used + sessions > limit:
            who = "people" if by == "person" else "users' verdicts"
            return Allowance(False, f"{who} may end {limit} sessions of {app} an hour, {used} are")
        self._spent.append(_Spent(now_us, app, "", sessions, False, by, user_id, "session"))
        return Allowance(True)

    def _budgets_of(self, app: str, recent: list[_Spent], now_us: int) -> list[Budget]:
        of_app = [entry for entry in recent if entry.app == app]

        def used_by(whom: str) -> int:
            return _total([entry for entry in of_app if entry.by == whom])

        used, live = used_by(POLICY), self._usual_count(app, now_us)
        return [
            Budget("max_per_hour", app, used, self._limits.max_per_hour),
            Budget("max_share_per_hour", app, used, self._limits.max_share_per_hour * live, live),
            Budget("people", app, used_by("person"), MANUAL_PER_HOUR),
            Budget("user verdicts", app, used_by(VERDICT), VERDICTS_PER_HOUR),
        ]

    def _cools_down(self, wanted: Wanted, now_us: int) -> str:
        since_us = now_us - self._limits.user_cooldown_us
        for entry in self._spent:
            same = entry.app == wanted.app and entry.user_id == wanted.user_id and entry.user_id is not None
            if wanted.escalates and entry.scope != wanted.scope:
                # What had no effect has locked nobody out.
                continue
            if same and entry.by == POLICY and entry.scope in WIDE and entry.at_us > since_us:
                return "the user was locked out just now: a second time within user_cooldown is for a person"
        return ""

    def _is_protected(self, name: str) -> bool:
        try:
            network = ip_network(name, strict=False)
        except ValueError:
            return False
        return any(_overlap(network, one) for one in self._protected)

    def _exceeded(self, wanted: Wanted, now_us: int) -> tuple[str, str]:
        """Return which budget has no room, by name and in words, or empty texts."""
        app, sessions, limits = wanted.app, wanted.sessions, self._limits
        in_all = [entry for entry in self._recent(now_us) if entry.by == POLICY]
        spent = [entry for entry in in_all if entry.app == app]
        used, used_in_all = _total(spent), _total(in_all)
        if used + sessions > limits.max_per_hour:
            why = f"{used} of {limits.max_per_hour} sessions of {app} an hour are already ended (max_per_hour)"
            return "max_per_hour", why
        if used_in_all + sessions > limits.max_per_hour_in_all:
            bound = limits.max_per_hour_in_all
            return "max_per_hour_in_all", f"{used_in_all} of {bound} sessions an hour are ended (max_per_hour_in_all)"
        critical = wanted.severity == Severity.CRITICAL
        if critical and _total([entry for entry in spent if entry.critical]) + sessions <= FLOOR:
            return "", ""
        budget = limits.max_share_per_hour * self._usual_count(app, now_us)
        if used + sessions > budget:
            why = f"{used} of {budget:g} sessions of {app} an hour are already ended (max_share_per_hour)"
            return "max_share_per_hour", why
        if limits.max_share_per_hour_in_all < 1:
            live = sum(self._usual_count(one.name, now_us) for one in self._apps.declared())
            whole = limits.max_share_per_hour_in_all * live
            if used_in_all + sessions > whole:
                why = f"{used_in_all} of {whole:g} sessions an hour are ended (max_share_per_hour_in_all)"
                return "max_share_per_hour_in_all", why
        by_rule = _total([entry for entry in spent if entry.rule_id == wanted.rule_id])
        half = min(budget, limits.max_per_hour) / 2
        if by_rule + sessions > half:
            why = f"{wanted.rule_id} has ended {by_rule} of its {half:g} sessions of {app} an hour (half of a budget)"
            return "half of a budget", why
        return "", ""

    def _forget(self, now_us: int) -> None:
        while self._spent and self._spent[0].at_us <= now_us - self.memory_us:
            self._spent.popleft()

    def _recent(self, now_us: int) -> list[_Spent]:
        return [entry for entry in self._spent if entry.at_us > now_us - HOUR]

    def _usual_count(self, app: str, now_us: int) -> float:
        """Return the median of the last 24 hourly counts; until there are 24, the count now."""
        known = self._counts.get(app)
        if known is not None and 0 <= now_us - known[0] < _COUNT_AGE_US:
            return known[1]
        hourly = self._live.hourly_live_counts(app, now_us, HOURS)
        if len(hourly) < HOURS:
            idle_us = self._apps[app].idle_timeout_us or DEFAULT_IDLE_US
            count = float(self._live.live_sessions(app, now_us, idle_us))
        else:
            count = statistics.median(hourly)
        self._counts[app] = (now_us, count)
        return count


def _total(spent: list[_Spent]) -> int:
    return sum(entry.sessions for entry in spent)


def _overlap(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    if isinstance(one, IPv4Network) and isinstance(other, IPv4Network):
        return one.overlaps(other)
    if isinstance(one, IPv6Network) and isinstance(other, IPv6Network):
        return one.overlaps(other)
    return False


def _entry(revocation: Revocation) -> _Spent | None:
    """Return what a stored revocation has spent; None when it was never sent."""
    sent_us = revocation.times.get("sent")
    if sent_us is None or revocation.scope == "network":
        # A network's is carried out by those of its sessions, which count.
        return None
    by = revocation.requested_by if revocation.requested_by in (POLICY, VERDICT) else "person"
    return _Spent(
        sent_us,
        revocation.app,
        revocation.rule_id or "",
        revocation.sessions,
        critical=revocation.severity == Severity.CRITICAL,
        by="person" if "approved" in revocation.times else by,
        user_id=revocation.user_id,
        scope=revocation.scope,
    )
