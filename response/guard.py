"""The guard against mass lock-out: how many sessions the pipeline may end by itself (decision 28).

A rule that is wrong, or an attacker who makes it wrong, must not log everybody out. Budgets are counted in
sessions to be ended, by app, over the last hour of the pipeline's clock; what exceeds them is held for a person.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable
from typing import Protocol

import msgspec

from schemas.alert import Severity
from schemas.app import Apps
from schemas.instant import HOUR, MINUTE, SECOND
from schemas.revocation import Revocation

FLOOR = 5
"""Critical sessions an hour and app that always pass: real thefts must not wait behind a wrong budget."""
DEFAULT_IDLE_US = 30 * MINUTE
"""A session used within this time is live, where the app declares no idle timeout."""
MANUAL_PER_HOUR = 1_000
"""Sessions that people may end an hour and app: their own limit, against a script gone wrong."""
HOURS = 24
_COUNT_AGE_US = 10 * SECOND

POLICY = "policy"
"""`requested_by` of what the pipeline decides by itself."""


class LiveSessions(Protocol):
    """How many sessions are in use. Live = used within the idle timeout."""

    def live_sessions(self, app: str, now_us: int, idle_us: int) -> int:
        """Return the live sessions of an app."""

    def hourly_live_counts(self, app: str, now_us: int, hours: int = HOURS) -> list[int]:
        """Return by hour how many sessions were in use, of the last `hours` hours that the store knows."""


class Allowance(msgspec.Struct, frozen=True):
    """The guard's answer: allowed, or why not."""

    allowed: bool
    reason: str = ""


class _Spent(msgspec.Struct, frozen=True):
    at_us: int
    app: str
    rule_id: str
    sessions: int
    critical: bool
    manual: bool


class Guard:
    """Counts what is ended, and says whether more may be.

    Args:
        live: counts live sessions.
        apps: for their idle timeouts.
        max_share_per_hour: of an app's live sessions, 0 to 1.
        max_per_hour: sessions of an app. Unlike the share, it bounds critical ones too.
        protected_users: never revoked automatically (break-glass accounts).
    """

    def __init__(
        self,
        live: LiveSessions,
        apps: Apps,
        *,
        max_share_per_hour: float = 0.02,
        max_per_hour: int = 100,
        protected_users: Iterable[str] = (),
    ) -> None:
        self._live = live
        self._apps = apps
        self._share = max_share_per_hour
        self._number = max_per_hour
        self._protected = frozenset(protected_users)
        self._spent: deque[_Spent] = deque()
        self._counts: dict[str, tuple[int, float]] = {}

    def restore(self, revocations: Iterable[Revocation]) -> None:
        """Count what an earlier run has spent, so that budgets hold over restarts.

        Args:
            revocations: those decided within the last hour; others do no harm.
        """
        spent = [entry for entry in map(_entry, revocations) if entry is not None]
        self._spent = deque(sorted(spent, key=lambda entry: entry.at_us))

    def admit(
        self, app: str, rule_id: str, severity: Severity, user_id: str | None, sessions: int, now_us: int
    ) -> Allowance:
        """Decide about an automatic revocation; what is allowed is counted at once.

        Args:
            app: whose sessions would end.
            rule_id: which rule asks.
            severity: of the alert.
            user_id: whose sessions, where known.
            sessions: how many would end.
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        if user_id is not None and user_id in self._protected:
            return Allowance(False, "the user is protected")
        critical = severity == Severity.CRITICAL
        reason = self._exceeded(app, rule_id, critical, sessions, now_us)
        if reason:
            return Allowance(False, reason)
        self._spent.append(_Spent(now_us, app, rule_id, sessions, critical, manual=False))
        return Allowance(True)

    def admit_manual(self, app: str, sessions: int, now_us: int) -> Allowance:
        """Decide about a person's act: it has a limit of its own and leaves the pipeline's budgets alone.

        Args:
            app: whose sessions would end.
            sessions: how many.
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        used = sum(entry.sessions for entry in self._recent(app, now_us) if entry.manual)
        if used + sessions > MANUAL_PER_HOUR:
            return Allowance(False, f"people may end {MANUAL_PER_HOUR} sessions of {app} an hour, {used} are")
        self._spent.append(_Spent(now_us, app, "", sessions, critical=False, manual=True))
        return Allowance(True)

    def _exceeded(self, app: str, rule_id: str, critical: bool, sessions: int, now_us: int) -> str:
        """Return which budget has no room, or an empty text."""
        spent = [entry for entry in self._recent(app, now_us) if not entry.manual]
        used = sum(entry.sessions for entry in spent)
        if used + sessions > self._number:
            return f"{used} of {self._number} sessions of {app} an hour are already ended (max_per_hour)"
        if critical and sum(entry.sessions for entry in spent if entry.critical) + sessions <= FLOOR:
            return ""
        budget = self._share * self._usual_count(app, now_us)
        if used + sessions > budget:
            return f"{used} of {budget:g} sessions of {app} an hour are already ended (max_share_per_hour)"
        by_rule = sum(entry.sessions for entry in spent if entry.rule_id == rule_id)
        half = min(budget, self._number) / 2
        if by_rule + sessions > half:
            return f"{rule_id} has ended {by_rule} of its {half:g} sessions of {app} an hour (half of a budget)"
        return ""

    def _recent(self, app: str, now_us: int) -> list[_Spent]:
        while self._spent and self._spent[0].at_us <= now_us - HOUR:
            self._spent.popleft()
        return [entry for entry in self._spent if entry.app == app and entry.at_us > now_us - HOUR]

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


def _entry(revocation: Revocation) -> _Spent | None:
    """Return what a stored revocation has spent; None when it was never sent."""
    sent_us = revocation.times.get("sent")
    if sent_us is None:
        return None
    return _Spent(
        sent_us,
        revocation.app,
        revocation.rule_id or "",
        revocation.sessions,
        critical=revocation.severity == Severity.CRITICAL,
        manual=revocation.requested_by != POLICY or "approved" in revocation.times,
    )
