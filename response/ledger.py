"""The revocations that still matter, by id and by whom they concern."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import get_args

from schemas.alert import Severity
from schemas.app import Apps
from schemas.revocation import Revocation, Scope
from store.rows import OutboxMessage

Subject = tuple[str, Scope, str]
"""App, scope, and the session, user or network."""

SCOPES: tuple[Scope, ...] = get_args(Scope)


class Ledger:
    """Revocations in memory, and the messages that each waits for.

    Args:
        apps: for how long their sessions can matter.
    """

    def __init__(self, apps: Apps) -> None:
        self._apps = apps
        self._by_id: dict[str, Revocation] = {}
        self._newest: dict[Subject, str] = {}
        self._waiting: dict[str, dict[str, OutboxMessage]] = {}
        # What is held, and how much of it by app: asked at every alert, so never counted anew.
        self._held: dict[str, Revocation] = {}
        self._held_by_app: Counter[str] = Counter()

    def restore(self, revocations: Iterable[Revocation], pending: Iterable[OutboxMessage]) -> None:
        """Take up what an earlier run left.

        Args:
            revocations: those that may still change.
            pending: messages that have not left.
        """
        for revocation in sorted(revocations, key=lambda revocation: revocation.sequence):
            self.add(revocation)
        for message in pending:
            if message.subject in self._by_id:
                self.await_message(message)

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._by_id)

    def add(self, revocation: Revocation) -> None:
        """Remember a revocation; with the highest sequence it is the newest of its subject."""
        self._by_id[revocation.revocation_id] = revocation
        self.changed(revocation)
        newest = self.newest(*subject_of(revocation))
        if newest is None or newest.sequence <= revocation.sequence:
            self._newest[subject_of(revocation)] = revocation.revocation_id

    def changed(self, revocation: Revocation) -> None:
        """Note the state that a revocation is in now."""
        was_held = self._held.pop(revocation.revocation_id, None) is not None
        is_held = revocation.state == "held"
        if is_held:
            self._held[revocation.revocation_id] = revocation
        self._held_by_app[revocation.app] += is_held - was_held

    def get(self, revocation_id: str) -> Revocation | None:
        """Return a revocation by its id."""
        return self._by_id.get(revocation_id)

    def newest(self, app: str, scope: Scope, subject: str) -> Revocation | None:
        """Return the newest revocation of a session or user."""
        return self._by_id.get(self._newest.get((app, scope, subject), ""))

    def sequence(self, app: str, subject: str) -> int:
        """Return the highest sequence number in memory for a session or user; 0 for none."""
        found = [self.newest(app, scope, subject) for scope in SCOPES]
        return max((revocation.sequence for revocation in found if revocation), default=0)

    def held(self) -> list[Revocation]:
        """Return what waits for a person: the most severe first, then the oldest."""
        return sorted(self._held.values(), key=lambda row: (-_rank(row), min(row.times.values())))

    def sent_since(self, app: str, since_us: int) -> list[Revocation]:
        """Return an app's revocations that were first sent since an instant, microseconds since the epoch."""
        return [one for one in self._by_id.values() if one.app == app and one.times.get("sent", 0) >= since_us]

    def number_held(self, app: str) -> int:
        """Return how many revocations of an app wait for a person."""
        return self._held_by_app[app]

    def await_message(self, message: OutboxMessage) -> None:
        """Note a message that the revocation waits for."""
        self._waiting.setdefault(message.subject, {})[message.message_id] = message

    def arrived(self, message: OutboxMessage) -> bool:
        """Note that a message is waited for no more, and return whether it was."""
        waiting = self._waiting.get(message.subject, {})
        if message.message_id not in waiting:
            return False
        del waiting[message.message_id]
        if not waiting:
            del self._waiting[message.subject]
        return True

    def awaits(self, message: OutboxMessage) -> bool:
        """Return whether a message is still waited for."""
        return message.message_id in self._waiting.get(message.subject, {})

    def waits_for(self, revocation_id: str) -> list[OutboxMessage]:
        """Return the messages of a revocation that have not left."""
        return list(self._waiting.get(revocation_id, {}).values())

    def prune(self, now_us: int) -> None:
        """Forget what can change no more: nothing happened for the life of a session of its app.

        Args:
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        for revocation in list(self._by_id.values()):
            age_us = now_us - max(revocation.times.values())
            settled = revocation.state != "held" and revocation.revocation_id not in self._waiting
            if settled and age_us > self._apps[revocation.app].session_life_us:
                del self._by_id[revocation.revocation_id]
                if self._newest.get(subject_of(revocation)) == revocation.revocation_id:
                    del self._newest[subject_of(revocation)]


def subject_of(revocation: Revocation) -> Subject:
    """Return whom a revocation concerns."""
    return revocation.app, revocation.scope, revocation.subject


def _rank(revocation: Revocation) -> int:
    return Severity(revocation.severity).rank if revocation.severity else 0
