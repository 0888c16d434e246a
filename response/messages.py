"""The outbox messages of a revocation: one for each target of the app that can do what is asked."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Literal, get_args

from response.targets import Target, lane_of
from schemas.instant import to_datetime
from schemas.revocation import Revocation, Scope, WebhookBody, WebhookData
from store.rows import OutboxMessage

MESSAGE_NAMESPACE = uuid.UUID("5e551094-4a7c-5c8e-9d0f-a1e27a1e2703")

Kind = Literal["session.revoked", "session.released"]
REVOCATION_KINDS: frozenset[str] = frozenset(get_args(Kind))


class TargetMessages:
    """Makes the messages.

    Args:
        targets: of all apps.
    """

    def __init__(self, targets: Iterable[Target]) -> None:
        self._targets = tuple(targets)

    def reach(self, app: str, scope: Scope) -> bool:
        """Return whether some target can end this scope in the app."""
        return any(target.app == app and scope in target.scopes for target in self._targets)

    def of(self, revocation: Revocation, kind: Kind, now_us: int, turn: str = "") -> list[OutboxMessage]:
        """Return the messages that carry a revocation, or its release.

        Args:
            revocation: as it is now.
            kind: what the app is to do.
            now_us: the pipeline's clock, microseconds since the epoch.
            turn: tells a deliberate second delivery from the first: a receiver ignores an id that it knows.
        """
        payload = _body(revocation, kind, _decided(revocation, kind, now_us)).model_dump_json()
        return [
            OutboxMessage(
                message_id=_message_id(revocation, kind, lane_of(target), turn),
                lane=lane_of(target),
                kind=kind,
                ordering_key=f"{revocation.app}:{revocation.scope}:{revocation.subject}",
                subject=revocation.revocation_id,
                payload=payload,
                created_us=now_us,
            )
            for target in self._targets
            if target.app == revocation.app and revocation.scope in target.scopes
        ]


def _message_id(revocation: Revocation, kind: Kind, lane: str, turn: str) -> str:
    name = f"{revocation.revocation_id}:{kind}:{revocation.sequence}:{lane}:{turn}"
    return str(uuid.uuid5(MESSAGE_NAMESPACE, name))


def _decided(revocation: Revocation, kind: Kind, now_us: int) -> int:
    """Return when it was decided: receivers end a user's sessions that began before, however late it arrives."""
    if kind == "session.released":
        return now_us
    return revocation.times.get("approved", revocation.times.get("requested", now_us))


def _body(revocation: Revocation, kind: Kind, decided_us: int) -> WebhookBody:
    return WebhookBody(
        type=kind,
        timestamp=to_datetime(decided_us),
        data=WebhookData(
            revocation_id=revocation.revocation_id,
            app=revocation.app,
            session_id=revocation.session_id,
            user_id=revocation.user_id,
            scope=revocation.scope,
            sequence=revocation.sequence,
            reason=revocation.reason,
            alert_id=revocation.alert_id,
            rule_id=revocation.rule_id,
            severity=revocation.severity,
        ),
    )
