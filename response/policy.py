"""The policy: which alert leads to what. The first line that matches decides; the defaults catch the rest."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from response.errors import PolicyRefused
from response.hours import Hours
from schemas.alert import Alert, Severity
from schemas.app import Apps
from schemas.drill import read_drill
from schemas.instant import MINUTE

Action = Literal["record", "notify", "step_up", "revoke_session", "revoke_user", "revoke_network", "lock_login"]
ACTIONS: tuple[str, ...] = get_args(Action)

ACTS: tuple[Action, ...] = ("revoke_network", "revoke_user", "revoke_session", "lock_login", "step_up")
"""What touches a session or a user, the widest first."""

NEVER_REVOKES = frozenset({"revocation-not-effective"})
"""Rules that say that revoking does not work: revoking again, automatically, is no answer (decision 27)."""

LOCK_FOR_US = 15 * MINUTE
"""Long enough for a person to look, short enough for a user who was locked out in error."""

TOO_LATE = "its events came too late to act on"

DEFAULTS: dict[Severity, tuple[Action, ...]] = {
    Severity.CRITICAL: ("notify", "revoke_session"),
    Severity.HIGH: ("notify",),
    Severity.MEDIUM: ("notify",),
    Severity.LOW: ("record",),
    Severity.INFO: ("record",),
}

_NEEDS: dict[Action, tuple[str, str]] = {
    "step_up": ("session_id", "session"),
    "revoke_session": ("session_id", "session"),
    "revoke_user": ("user_id", "user"),
    "revoke_network": ("network", "network"),
    "lock_login": ("user_id", "user"),
}


class PolicyLine(msgspec.Struct, frozen=True):
    """One line. An empty set matches everything.

    Attributes:
        do: what its alerts lead to, of `ACTIONS`.
        groups: names of the user groups that `users` are the members of, for people.
        users: only alerts about these; matters where `groups` is not empty.
        hours: only then, by the pipeline's clock.
        widen: where the app's targets know users alone, `revoke_session` may end all sessions of its user.
        lock_for_us: how long `lock_login` lets nobody sign in as the user, microseconds.
    """

    do: tuple[Action, ...]
    severities: frozenset[Severity] = frozenset()
    rules: frozenset[str] = frozenset()
    apps: frozenset[str] = frozenset()
    groups: tuple[str, ...] = ()
    users: frozenset[str] = frozenset()
    hours: Hours | None = None
    widen: bool = False
    lock_for_us: int = LOCK_FOR_US

    def matches(self, alert: Alert, now_us: int = 0) -> bool:
        """Return whether this line decides about the alert."""
        return not self.passed_over(alert, now_us)

    def passed_over(self, alert: Alert, now_us: int) -> str:
        """Return why this line does not decide about the alert, or an empty text.

        Args:
            alert: as it is now.
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        if self.severities and alert.severity not in self.severities:
            return f"severity {alert.severity} is not {_any_of(self.severities)}"
        if self.rules and alert.rule_id not in self.rules:
            return f"rule {alert.rule_id} is not {_any_of(self.rules)}"
        if self.apps and alert.app not in self.apps:
            return f"app {alert.app} is not {_any_of(self.apps)}"
        if self.groups and alert.user_id not in self.users:
            return f"the user is not in {_any_of(self.groups)}"
        if self.hours is not None and not self.hours.contains(now_us):
            return f"the time is outside {self.hours.text}"
        return ""


class Decision(msgspec.Struct, frozen=True):
    """What an alert leads to, and why.

    Attributes:
        actions: what is to be done.
        line: the number of the policy line, from 1; None = the defaults, or the rule's mode.
        why: which of them, for people.
        withheld: why nothing is done to its session or user although the line lists it; empty otherwise.
        widen, lock_for_us: as the line says.
    """

    actions: frozenset[Action]
    line: int | None
    why: str
    withheld: str = ""
    widen: bool = False
    lock_for_us: int = LOCK_FOR_US

    @property
    def acts(self) -> tuple[Action, ...]:
        """What touches sessions and users: of several ways to end sessions the widest alone, it holds the others."""
        acts = [act for act in ACTS if act in self.actions]
        ways = [act for act in acts if act.startswith("revoke_")]
        return tuple(act for act in acts if act not in ways[1:])


class Policy:
    """The lines of the configuration, in their order.

    Args:
        lines: the user's own.
        apps: what is declared: undeclared apps are judged, never acted on.

    Raises:
        PolicyRefused: a line lists an unknown action.
    """

    def __init__(self, lines: tuple[PolicyLine, ...], apps: Apps) -> None:
        for number, line in enumerate(lines, 1):
            _check(line, number)
        self.lines = lines
        self._apps = apps

    def decide(self, alert: Alert, now_us: int = 0) -> Decision:
        """Return what an alert leads to.

        Args:
            alert: as it is now.
            now_us: the pipeline's clock, microseconds since the epoch; hours are matched by it.
        """
        if alert.mode in ("off", "shadow"):
            return Decision(frozenset({"record"}), None, f"the rule's mode is {alert.mode}")
        number, line = self._deciding(alert, now_us)
        why = f"policy line {number}" if number else "default"
        listed = frozenset(line.do)
        if not listed.intersection(ACTS):
            return Decision(listed, number, why)
        withheld = self._withheld(alert) or _lacks(alert, listed)
        kept = listed.difference(ACTS) if withheld else listed.difference(_impossible(alert, listed))
        return Decision(kept, number, why, withheld, line.widen, line.lock_for_us)

    def _deciding(self, alert: Alert, now_us: int) -> tuple[int | None, PolicyLine]:
        for number, line in enumerate(self.lines, 1):
            if line.matches(alert, now_us):
                return number, line
        return None, PolicyLine(DEFAULTS[alert.severity])

    def _withheld(self, alert: Alert) -> str:
        """Return why nothing may be done automatically to whom the alert is about, or an empty text."""
        if alert.mode != "enforce":
            return f"the rule's mode is {alert.mode}, not enforce"
        if alert.rule_id in NEVER_REVOKES:
            return "this rule says that revoking did not work: a person decides"
        if not self._apps[alert.app].declared:
            return f"the app {alert.app} is not in the configuration"
        if alert.late:
            return TOO_LATE
        if alert.drill is not None and not _revokes(alert.drill):
            return "it is a drill"
        return ""


def _impossible(alert: Alert, listed: frozenset[Action]) -> set[Action]:
    """Return the acts that lack whom they are about."""
    return {act for act in ACTS if act in listed and getattr(alert, _NEEDS[act][0]) is None}


def _lacks(alert: Alert, listed: frozenset[Action]) -> str:
    """Return what the alert would have to name for any of the listed acts, or an empty text."""
    acts = [act for act in ACTS if act in listed]
    if len(_impossible(alert, listed)) < len(acts):
        return ""
    return "the alert names no " + " and no ".join(dict.fromkeys(_NEEDS[act][1] for act in acts))


def _any_of(names: frozenset[Severity] | frozenset[str] | tuple[str, ...]) -> str:
    return " or ".join(sorted(names))


def _revokes(drill: str) -> bool:
    """Say whether a drill is to end its session too; its signature was looked at when its events came."""
    known = read_drill(drill)
    return known is not None and known.revokes


def _check(line: PolicyLine, number: int) -> None:
    for action in line.do:
        if action not in ACTIONS:
            raise PolicyRefused(f"policy line {number}: {action} is no action, expected one of {', '.join(ACTIONS)}")
