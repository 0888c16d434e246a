"""The policy: which alert leads to what. The first line that matches decides; the defaults catch the rest."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from response.errors import PolicyRefused
from schemas.alert import Alert, Severity
from schemas.app import Apps

Action = Literal["record", "notify", "revoke_session"]
ACTIONS: tuple[str, ...] = get_args(Action)
LATER_ACTIONS = ("step_up", "revoke_user", "revoke_network", "lock_login")

NEVER_REVOKES = frozenset({"revocation-not-effective"})
"""Rules that say that revoking does not work: revoking again, automatically, is no answer (decision 27)."""

TOO_LATE = "its events came too late to act on"

DEFAULTS: dict[Severity, tuple[Action, ...]] = {
    Severity.CRITICAL: ("notify", "revoke_session"),
    Severity.HIGH: ("notify",),
    Severity.MEDIUM: ("notify",),
    Severity.LOW: ("record",),
    Severity.INFO: ("record",),
}


class PolicyLine(msgspec.Struct, frozen=True):
    """One line. An empty set matches everything.

    Attributes:
        do: what its alerts lead to, of `ACTIONS`.
    """

    do: tuple[Action, ...]
    severities: frozenset[Severity] = frozenset()
    rules: frozenset[str] = frozenset()
    apps: frozenset[str] = frozenset()

    def matches(self, alert: Alert) -> bool:
        """Return whether this line decides about the alert."""
        return (
            (not self.severities or alert.severity in self.severities)
            and (not self.rules or alert.rule_id in self.rules)
            and (not self.apps or alert.app in self.apps)
        )


class Decision(msgspec.Struct, frozen=True):
    """What an alert leads to, and why.

    Attributes:
        actions: what is to be done.
        line: the number of the policy line, from 1; None = the defaults, or the rule's mode.
        why: which of them, for people.
        withheld: why the session is not revoked although the line lists it; empty otherwise.
    """

    actions: frozenset[Action]
    line: int | None
    why: str
    withheld: str = ""


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
        self._lines = lines
        self._apps = apps

    def decide(self, alert: Alert) -> Decision:
        """Return what an alert leads to."""
        if alert.mode in ("off", "shadow"):
            return Decision(frozenset({"record"}), None, f"the rule's mode is {alert.mode}")
        number, listed = self._listed(alert)
        why = f"policy line {number}" if number else "default"
        if "revoke_session" not in listed:
            return Decision(frozenset(listed), number, why)
        withheld = self._withheld(alert)
        actions = frozenset(action for action in listed if not (withheld and action == "revoke_session"))
        return Decision(actions, number, why, withheld)

    def _listed(self, alert: Alert) -> tuple[int | None, tuple[Action, ...]]:
        for number, line in enumerate(self._lines, 1):
            if line.matches(alert):
                return number, line.do
        return None, DEFAULTS[alert.severity]

    def _withheld(self, alert: Alert) -> str:
        """Return why the alert's session may not be revoked automatically, or an empty text."""
        if alert.mode != "enforce":
            return f"the rule's mode is {alert.mode}, not enforce"
        if alert.rule_id in NEVER_REVOKES:
            return "this rule says that revoking did not work: a person decides"
        if not self._apps[alert.app].declared:
            return f"the app {alert.app} is not in the configuration"
        # What has no session was made of failures, which anybody can cause.
        if alert.session_id is None:
            return "the alert names no session"
        if alert.late:
            return TOO_LATE
        if alert.drill is not None:
            return "it is a drill"
        return ""


def _check(line: PolicyLine, number: int) -> None:
    for action in line.do:
        if action in LATER_ACTIONS:
            raise PolicyRefused(f"policy line {number}: {action} is not in this version")
        if action not in ACTIONS:
            raise PolicyRefused(f"policy line {number}: {action} is no action, expected one of {', '.join(ACTIONS)}")
