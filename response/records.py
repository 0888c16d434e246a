"""What this room asks of the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from response.guard import LiveSessions
from response.on_call import AnswerRecords
from response.triage import AlertRecords
from response.user_notices import NoticeRecords
from schemas.alert import Alert
from schemas.revocation import Revocation
from store.outbox_search import LATEST_PLACE
from store.rows import OutboxMessage, OutboxState, StepUpRow


class Records(LiveSessions, AlertRecords, AnswerRecords, NoticeRecords, Protocol):
    """Questions about committed state, from the batch loop's thread. `store.reader.Reader` answers them."""

    def is_live(self, app: str, session_id: str, now_us: int, idle_us: int) -> bool:
        """Return whether a session was used within the idle timeout and not ended since."""

    def live_sessions_of_user(self, app: str, user_id: str, now_us: int, idle_us: int) -> int:
        """Return how many of a user's sessions are live."""

    def live_sessions_by(
        self, app: str, now_us: int, idle_us: int, *, user_id: str | None = None, network: str | None = None
    ) -> list[tuple[str, str | None]]:
        """Return the live sessions of a user, or those last used from a network, each with its user."""

    def accepted_among(self, app: str, events: Iterable[tuple[str, int]]) -> list[tuple[str, str | None]]:
        """Return session and user of those of these events (id, time) of an app that are successes."""

    def open_step_ups(self) -> list[StepUpRow]:
        """Return the step-ups that wait for their users."""

    def is_known_device(self, app: str, user_id: str, device_id: str, before_us: int) -> bool:
        """Return whether a user was accepted with a device before an instant, microseconds since the epoch."""

    def last_use(self, app: str, session_id: str, since_us: int) -> int | None:
        """Return when a session was last accepted, if since `since_us`."""

    def outbox_page(
        self,
        *,
        lane: str | None = None,
        message_id: str | None = None,
        states: Collection[OutboxState] | None = None,
        before: int = LATEST_PLACE,
        limit: int = 100,
    ) -> list[tuple[OutboxMessage, int]]:
        """Return messages with their place, the last enqueued first."""

    def messages_of(self, revocation_id: str) -> list[OutboxMessage]:
        """Return the messages of a revocation or a step-up."""

    def fact(self, name: str) -> str | None:
        """Return a fact that the pipeline has stored about itself."""

    def max_sequence(self, app: str, subject: str) -> int:
        """Return the highest sequence number given to a session or user; 0 for none."""

    def revocation(self, revocation_id: str) -> Revocation | None:
        """Return a stored revocation."""

    def revocations_since(self, since_us: int) -> list[Revocation]:
        """Return the revocations decided or changed since an instant, microseconds since the epoch."""

    def login_locks_since(self, since_us: int) -> list[Revocation]:
        """Return the locks of logins changed since an instant, microseconds since the epoch, and not released."""

    def unfinished_revocations(self) -> list[Revocation]:
        """Return the revocations that wait for something."""

    def standing_alerts(self, app: str, session_id: str) -> list[Alert]:
        """Return the alerts about a session that were not withdrawn."""

    def subjects_of_act(self, act: str, since_us: int, limit: int) -> list[str]:
        """Return what an audited act was done to since an instant, microseconds since the epoch; the last first."""

    def pending_messages(self, *, kinds: Collection[str]) -> list[OutboxMessage]:
        """Return the messages of these kinds that have not left, in the order of enqueuing."""

    def pending_lanes(self) -> list[str]:
        """Return the lanes whose messages have not all left."""

    def known_messages(self, ids: Iterable[str]) -> set[str]:
        """Return which of these message ids were enqueued before."""
