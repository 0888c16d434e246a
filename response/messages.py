"""The outbox messages of a revocation: one for each target of the app that can do what is asked."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Literal, get_args

from response.targets import Target, lane_of
from schemas.alert import Alert
from schemas.instant import to_datetime
from schemas.revocation import LoginLockedData, Revocation, Scope, WebhookBody, WebhookData
from store.rows import OutboxMessage, StepUpRow

MESSAGE_NAMESPACE = uuid.UUID("5e551094-4a7c-5c8e-9d0f-a1e27a1e2703")

Kind = Literal["session.revoked", "session.released", "session.login_locked"]
STEP_UP = "session.step_up_required"
REVOCATION_KINDS: frozenset[str] = frozenset(get_args(Kind))
TAKES_AWAY: frozenset[str] = REVOCATION_KINDS - {"session.released"}
"""Those that a revocation begins with."""


class TargetMessages:
    """Makes the messages.

    Args:
        targets: of all apps.
    """

    def __init__(self, targets: Iterable[Target]) -> None:
        self._targets = tuple(targets)

    def reach(self, app: str, scope: Scope) -> bool:
        """Return whether some target can end this scope in the app."""
        kind = kind_of(scope)
        return any(target.app == app and scope in target.scopes and kind in target.kinds for target in self._targets)

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
                # A lock that comes after its time would lock nobody out but the user.
                expires_us=revocation.times["until"] if kind == "session.login_locked" else None,
            )
            for target in self._targets
            if target.app == revocation.app and revocation.scope in target.scopes and kind in target.kinds
        ]

    def asks_step_up(self, app: str) -> bool:
        """Return whether some target can have the app ask for a step-up."""
        return any(target.app == app and STEP_UP in target.kinds for target in self._targets)

    def of_step_up(self, row: StepUpRow, alert: Alert, sequence: int, now_us: int) -> list[OutboxMessage]:
        """Return the messages that have an app ask the user of a session who they are.

        Args:
            row: the step-up.
            alert: what has led to it.
            sequence: the next of the session.
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        body = WebhookBody(
            type="session.step_up_required",
            timestamp=to_datetime(row.asked_us),
            data=WebhookData(
                revocation_id=row.step_up_id,
                app=row.app,
                session_id=row.session_id,
                user_id=row.user_id,
                scope="session",
                sequence=sequence,
                reason=f"{alert.rule_id} ({alert.severity})",
                alert_id=row.alert_id,
                rule_id=row.rule_id,
                severity=alert.severity.value,
            ),
        )
        return [
            OutboxMessage(
                message_id=str(uuid.uuid5(MESSAGE_NAMESPACE, f"{row.step_up_id}:step-up:{lane_of(target)}")),
                lane=lane_of(target),
                kind=STEP_UP,
                ordering_key=f"{row.app}:session:{row.session_id}",
                subject=row.step_up_id,
                payload=body.model_dump_json(),
                created_us=now_us,
                # A question that comes after its time would only puzzle the user.
                expires_us=row.due_us,
            )
            for target in self._targets
            if target.app == row.app and STEP_UP in target.kinds
        ]


def kind_of(scope: Scope) -> Kind:
    """Return the kind of message by which something of a scope is taken away."""
    return "session.login_locked" if scope == "login" else "session.revoked"


def _message_id(revocation: Revocation, kind: Kind, lane: str, turn: str) -> str:
    name = f"{revocation.revocation_id}:{kind}:{revocation.sequence}:{lane}:{turn}"
    return str(uuid.uuid5(MESSAGE_NAMESPACE, name))


def _decided(revocation: Revocation, kind: Kind, now_us: int) -> int:
    """Return when it was decided: receivers end a user's sessions that began before, however late it arrives."""
    if kind == "session.released":
        return now_us
    return revocation.times.get("approved", revocation.times.get("requested", now_us))


def _body(revocation: Revocation, kind: Kind, decided_us: int) -> WebhookBody:
    data = WebhookData(
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
    )
    if kind == "session.login_locked":
        data = LoginLockedData(**data.model_dump(), until=to_datetime(revocation.times["until"]))
    return WebhookBody(type=kind, timestamp=to_datetime(decided_us), data=data)
