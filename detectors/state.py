"""The state of one key: what folding its events in order leads to."""

from __future__ import annotations

from operator import methodcaller
from types import MappingProxyType
from typing import Any

import msgspec

from detectors.context import Context
from detectors.rule import Memory
from schemas.alert import Alert

_NOTHING: Any = MappingProxyType({})
"""Stands for every empty table of a state at rest; whoever writes to it has forgotten to wake the state."""


_copy: Any = methodcaller("__copy__")
"""What `copy.copy` comes to in the end; it takes five times as long to find out."""


class Pending(msgspec.Struct, frozen=True, gc=False):
    """A hit that waits: a later event, in order, may still undo it."""

    due_us: int
    alert: Alert


class State(msgspec.Struct):
    """Everything that is known of a key.

    Attributes:
        contexts: by session id in a family of rotated sessions; one with the name "" for a user.
        memory: what rules remember, by ``<rule id> <member>``.
        alerts: the alerts that follow from the events, by id; objects in it are never changed in place.
        pending: hits that settle, by alert id.
    """

    contexts: dict[str, Context] = {}
    memory: dict[str, Memory] = {}
    alerts: dict[str, Alert] = {}
    pending: dict[str, Pending] = {}

    def snapshot(self) -> State:
        """Return a copy that further folding does not touch."""
        return State(
            {member: _copy(context) for member, context in self.contexts.items()},
            {name: _copy(memory) for name, memory in self.memory.items()} if self.memory else {},
            dict(self.alerts) if self.alerts else {},
            dict(self.pending) if self.pending else {},
        )

    def rest(self) -> None:
        """Give back the room of empty tables: most keys have been quiet for long, and nothing is alleged of them."""
        self.memory = self.memory or _NOTHING
        self.alerts = self.alerts or _NOTHING
        self.pending = self.pending or _NOTHING

    def wake(self) -> None:
        """Make ready for folding into this very object."""
        self.memory = self.memory or {}
        self.alerts = self.alerts or {}
        self.pending = self.pending or {}

    def absorb(self, other: State) -> None:
        """Take over what another key knows: its sessions turn out to belong to this family."""
        self.wake()
        self.contexts.update(other.contexts)
        self.memory.update(other.memory)
        self.alerts.update(other.alerts)
        self.pending.update(other.pending)

    def forget(self, member: str) -> None:
        """Drop what is known of one session of a family, or of the user."""
        self.contexts.pop(member, None)
        for name in [name for name in self.memory if name.endswith(f" {member}")]:
            del self.memory[name]

    def settle(self, until_us: int) -> bool:
        """Let pending hits that are due become alerts; say whether any did."""
        settled = False
        for alert_id, pending in list(self.pending.items()):
            if pending.due_us <= until_us:
                del self.pending[alert_id]
                self.alerts[alert_id] = pending.alert
                settled = True
        return settled
