"""A session that is bound to a device is used without the binding, under another key, or its proof is refused.

What that means is for the app to say: `level` none, should or must. Silence about the binding says nothing; only
an explicit "none" does.

Source: Device Bound Session Credentials (W3C) and DPoP (RFC 9449); the levels answer w3c/webappsec-dbsc#21. MITRE
ATT&CK T1539.
Known false positives: a browser that lost its keys, such as a profile moved to a new computer; an app that reports
`bound` on some of its pages only as "none".
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from detectors.context import SessionContext
from detectors.networks import describe, same_network
from detectors.parameters import Parameters
from detectors.rule import Hit, Memory, Rule, Undo
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import SECOND

UNBOUND = frozenset({"none", "unbound", "-", ""})
MAX_KEY = 128
"""Characters of a key's thumbprint that are compared; RFC 7638 thumbprints have 43."""


class Binding(Memory):
    """How a session is bound: the method, the key as far as it is told, empty where it never was."""

    method: str = ""
    key: str = ""


class BindingLostParameters(Parameters):
    """Parameters of binding-lost."""

    level: Literal["none", "should", "must"] = Field(
        "should", description="How much the app relies on binding: not at all, where browsers can, or always."
    )
    refusals: tuple[str, ...] = Field(
        ("fingerprint_mismatch",), description="Reasons of a fail with which the app refuses a proof of binding."
    )
    key_attribute: str = Field(
        "bound_key", description="The attribute in which the app names the key's thumbprint, where it does."
    )


class BindingLost(Rule[SessionContext, Binding]):
    """Bound before, unbound now."""

    id = "binding-lost"
    title = "Device-bound session used without its binding"
    key = "session"
    needs = frozenset({"create", "validate", "fail"})
    attack = ("T1539",)
    severity = Severity.CRITICAL
    runbook = (
        "Compare the network and client of the bound uses with those of the unbound one.",
        "Benign if one browser lost its keys, or cannot bind: the user signs in again and is bound anew.",
        "Else revoke the session: the cookie was taken without the key.",
    )
    repeats = False
    # A refresh of the binding may be in flight; the next bound request of the same client shows it.
    settle_us: ClassVar[int] = 30 * SECOND
    memory = Binding
    inherits = True
    Parameters = BindingLostParameters

    def on_event(self, event: Event, context: SessionContext, memory: Binding, app: AppPolicy) -> Hit | Undo | None:
        """Judge a use, or a refused proof."""
        assert isinstance(self.parameters, BindingLostParameters)
        if self.parameters.level == "none":
            return None
        if event.type == "fail":
            return self._refused(event, context, memory)
        if event.type == "create" and context.starts_anew(event):
            memory.method = memory.key = ""
        if event.bound is None:
            return None
        method = event.bound.strip().casefold()
        if method in UNBOUND:
            return (
                self._lost(event, context, f"used unbound, bound by {memory.method} before") if memory.method else None
            )
        key = self._key(event)
        # What it was bound to first stays the measure: a thief's own key must not become it.
        memory.method, memory.key = memory.method or method, memory.key or key
        if memory.method != method or (key and memory.key != key):
            return self._lost(event, context, f"its binding changed, bound by {memory.method} before", "key")
        return Undo(_episode(event, "unbound"))

    def _refused(self, event: Event, context: SessionContext, memory: Binding) -> Hit | None:
        assert isinstance(self.parameters, BindingLostParameters)
        if not memory.method or event.reason not in self.parameters.refusals:
            return None
        # The app turned it away: somebody has the cookie and not the key, and gained nothing.
        return self._hit(event, self._base().at_most(Severity.MEDIUM), "its proof of binding was refused")

    def _lost(self, event: Event, context: SessionContext, what: str, kind: str = "unbound") -> Hit:
        severity = self._base()
        if context.home is not None and not same_network(context.home, event):
            severity = Severity.CRITICAL if severity is Severity.HIGH else Severity.HIGH
        if context.created_us is None:
            severity = severity.at_most(Severity.HIGH)
        return self._hit(event, severity, what, kind)

    def _base(self) -> Severity:
        assert isinstance(self.parameters, BindingLostParameters)
        return Severity.HIGH if self.parameters.level == "must" else Severity.MEDIUM

    def _hit(self, event: Event, severity: Severity, what: str, kind: str = "unbound") -> Hit:
        return Hit(
            severity,
            f"A bound session: {what}, from {describe(event.place)}",
            f"{what}, from {describe(event.place)}",
            episode=_episode(event, kind),
        )

    def _key(self, event: Event) -> str:
        assert isinstance(self.parameters, BindingLostParameters)
        told = (event.attributes or {}).get(self.parameters.key_attribute)
        return told[:MAX_KEY] if isinstance(told, str) else ""


def _episode(event: Event, kind: str) -> str:
    # A bound request undoes what the same client did, never what somebody else did.
    agent = event.agent
    return f"{kind} {event.place.network} {agent.family} {agent.os}"
