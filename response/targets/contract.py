"""What every target keeps to, shipped or not.

    from response.targets.contract import Case, examine

    def test_the_target_keeps_the_contract() -> None:
        assert examine(Case(make=..., broken=..., secrets=["..."])) == []

Each failure is one line that names the check. The receiver behind `make` is the test's own, as real as can be had.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from response.http import DEADLINE_S
from response.messages import kind_of
from response.outcome import Outcome
from response.targets import Target, lane_of
from schemas.instant import MINUTE, SECOND, to_datetime
from schemas.revocation import LoginLockedData, Scope, WebhookBody, WebhookData
from store.rows import OutboxMessage

_WORD = re.compile(r"[a-z][a-z0-9_]{0,31}")
_SCOPES: frozenset[Scope] = frozenset({"session", "user", "login"})
_LONGEST_DETAIL = 300
_NOW = 1_795_000_000 * SECOND


@dataclass(frozen=True, slots=True)
class Case:
    """A target under examination.

    Attributes:
        make: returns a target whose receiver takes what it is sent.
        broken: returns one whose receiver cannot be reached.
        secrets: that the target was given; none of them may be shown.
        session_id, user_id: whom the examined revocations are about.
    """

    make: Callable[[], Target]
    broken: Callable[[], Target]
    secrets: Sequence[str] = ()
    session_id: str = "s_k1_examined"
    user_id: str = "alice"

    def message(self, target: Target, scope: Scope, message_id: str = "m-1") -> OutboxMessage:
        """Return the outbox message of a revocation, as the pipeline makes it."""
        data = WebhookData(
            revocation_id="5e551094-4a7c-5c8e-9d0f-a1e27a1e2777",
            app=target.app,
            session_id=self.session_id if scope == "session" else None,
            user_id=self.user_id,
            scope=scope,
            sequence=1,
            reason="session-hijack (policy line 1)",
            alert_id=None,
            rule_id="session-hijack",
            severity="critical",
        )
        kind = kind_of(scope)
        if scope == "login":
            data = LoginLockedData(**data.model_dump(), until=to_datetime(_NOW + 15 * MINUTE))
        body = WebhookBody(type=kind, timestamp=to_datetime(_NOW), data=data)
        return OutboxMessage(
            message_id=message_id,
            lane=lane_of(target),
            kind=kind,
            ordering_key=f"{target.app}:{scope}",
            subject=data.revocation_id,
            payload=body.model_dump_json(),
            created_us=_NOW,
        )


def examine(case: Case) -> list[str]:
    """Return what a target does not keep to, one line each; nothing = all is well."""
    target = case.make()
    try:
        found = [*_shape(target), *_delivers(case, target), *_keeps_secrets(case, target)]
    finally:
        target.close()
    return [*found, *_closes(target), *_survives(case)]


def _shape(target: Target) -> Iterator[str]:
    if not _WORD.fullmatch(target.kind):
        yield "shape: kind is a word of small letters, digits and underscores"
    if not target.scopes or not target.scopes <= _SCOPES:
        yield "shape: scopes are some of session, user, login"
    for scope in sorted(target.scopes):
        if kind_of(scope) not in target.kinds:
            yield f"shape: kinds hold {kind_of(scope)}, which its scopes need"
    if "login" in target.scopes and "session.released" not in target.kinds:
        yield "shape: whoever locks a login is told session.released"
    if lane_of(target) != f"{target.kind}:{target.name}":
        yield "shape: its lane is <kind>:<name>"


def _delivers(case: Case, target: Target) -> Iterator[str]:
    for scope in sorted(target.scopes):
        message = case.message(target, scope)
        # Twice: whoever sends at least once must be able to send again.
        for turn in ("first", "second"):
            outcome = target.deliver(message)
            if outcome.kind != "ok":
                yield f"delivers: the {turn} try of a {scope}'s revocation came to {outcome.kind} ({outcome.detail})"
        if message != case.message(target, scope):
            yield "delivers: it changes the message that it is given"


def _keeps_secrets(case: Case, target: Target) -> Iterator[str]:
    if any(secret in repr(target) for secret in case.secrets):
        yield "secrets: one stands in its representation"


def _closes(target: Target) -> Iterator[str]:
    try:
        target.close()
    except Exception as error:  # noqa: BLE001 - code from outside may raise anything
        yield f"closes: closing it twice raises {type(error).__name__}"


def _survives(case: Case) -> Iterator[str]:
    target = case.broken()
    started = time.monotonic()
    try:
        outcome = target.deliver(case.message(target, min(target.scopes)))
    except Exception as error:  # noqa: BLE001 - code from outside may raise anything
        yield f"survives: it raises {type(error).__name__} where its receiver cannot be reached"
        return
    finally:
        target.close()
    if time.monotonic() - started > DEADLINE_S + 1:
        yield f"survives: a try takes longer than {DEADLINE_S:g} s"
    yield from _judged(case, outcome)


def _judged(case: Case, outcome: Outcome) -> Iterator[str]:
    if outcome.kind != "retry":
        yield f"survives: a receiver that cannot be reached came to {outcome.kind}, not to retry"
    if not 0 < len(outcome.detail) <= _LONGEST_DETAIL or not outcome.detail.isprintable():
        yield "survives: the detail says why in a line"
    if any(secret in outcome.detail for secret in case.secrets):
        yield "secrets: one stands in the detail of an outcome"
