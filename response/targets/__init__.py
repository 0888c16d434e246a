"""Where revocations go: one module a kind of target, all of one shape."""

from __future__ import annotations

from typing import Protocol

from response.outcome import Outcome
from schemas.revocation import Scope
from store.rows import OutboxMessage


class Target(Protocol):
    """A receiver of revocations. It never widens: what it cannot do by its scopes is not asked of it."""

    @property
    def name(self) -> str:
        """As in the configuration; its lane is ``<kind>:<name>``."""

    @property
    def kind(self) -> str:
        """The kind, such as ``webhook``."""

    @property
    def app(self) -> str:
        """The one app whose sessions it ends."""

    @property
    def scopes(self) -> frozenset[Scope]:
        """What it can end: a session, all of a user's sessions."""

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of messages that it can carry, such as ``session.revoked``; others are not made for it."""

    def deliver(self, message: OutboxMessage) -> Outcome:
        """Make one try, within the deadline of 15 s. Called by one thread only."""

    def close(self) -> None:
        """Let go of connections."""


def lane_of(target: Target) -> str:
    """Return the name of a target's lane."""
    return f"{target.kind}:{target.name}"
