"""Messages as the outbox holds them for targets: a session or a user to be ended, or released."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from schemas.instant import to_us
from schemas.revocation import LoginLockedData, Scope, WebhookBody, WebhookData
from store.rows import OutboxMessage

SESSION = "s_k1_alice"
DECIDED = datetime(2026, 9, 21, 14, 0, tzinfo=UTC)


def asked(
    scope: Scope = "session",
    *,
    kind: str = "session.revoked",
    session_id: str | None = SESSION,
    user_id: str | None = "alice",
    sequence: int = 1,
    decided: datetime = DECIDED,
    app: str = "bank",
    message_id: str = "m1",
) -> OutboxMessage:
    """A message about alice in the bank, as `response.messages` makes it."""
    data = WebhookData(
        revocation_id="3f0e4c56-3cf9-5d5c-9b57-6f3d9a6b6f3a",
        app=app,
        session_id=session_id if scope == "session" else None,
        user_id=user_id,
        scope=scope,
        sequence=sequence,
        reason="session-hijack: used from another country; --help $(reboot)",
        alert_id=None,
        rule_id="session-hijack",
        severity="critical",
    )
    if kind == "session.login_locked":
        data = LoginLockedData(**data.model_dump(), until=decided + timedelta(minutes=15))
    body = WebhookBody(type=kind, timestamp=decided, data=data)  # type: ignore[arg-type]
    subject = data.session_id if scope == "session" else user_id
    return OutboxMessage(
        message_id=message_id,
        lane="",
        kind=kind,
        ordering_key=f"{app}:{scope}:{subject}",
        subject=data.revocation_id,
        payload=body.model_dump_json(),
        created_us=to_us(decided),
    )
