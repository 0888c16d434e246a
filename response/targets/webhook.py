"""A signed webhook: Standard Webhooks 1.0, https://www.standardwebhooks.com."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Unpack

from standardwebhooks import Webhook

from response.errors import TargetRefused
from response.http import Answer, HttpFailed, check_url
from response.outcome import DELIVERED, Outcome
from response.targets.http_target import Connection, HttpTarget
from response.text import safe
from schemas.instant import SECOND, to_datetime, to_us
from schemas.revocation import Scope
from store.rows import OutboxMessage

MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64
"""Standard Webhooks 1.0, section on symmetric signatures."""

_GONE = 410
_NEVER = frozenset({413, 415, 422})
"""Answers that repeating the body cannot change: too large, not understood, not possible in this app."""
_SLOW_DOWN = frozenset({429, 502, 503, 504})


class WebhookTarget(HttpTarget):
    """Posts a revocation to the app's receiver.

    Args:
        name, app: as in the configuration.
        url: https, or http on loopback.
        secrets: ``whsec_…`` each; the receiver may know any of them, so that a secret can be replaced.
        connection: to the receiver.

    Raises:
        TargetRefused: the URL or a secret cannot be used.
    """

    kind = "webhook"
    scopes: frozenset[Scope] = frozenset({"session", "user", "login"})
    kinds = frozenset(
        {"session.revoked", "session.released", "session.step_up_required", "session.login_locked", "user.notice"}
    )

    def __init__(
        self,
        name: str,
        app: str,
        url: str,
        secrets: Sequence[str],
        **connection: Unpack[Connection],
    ) -> None:
        try:
            check_url(url)
        except TargetRefused as error:
            raise TargetRefused(f"target {name}: {error}") from error
        super().__init__(name, app, **connection)
        self._url = url
        self._signers = read_signers(name, secrets)
        if not self._signers:
            raise TargetRefused(f"target {name}: a webhook needs a secret (secret_file)")

    def deliver(self, message: OutboxMessage) -> Outcome:
        """Post the message once."""
        try:
            answer = self._client.post(self._url, self._headers(message), message.payload.encode())
        except HttpFailed as error:
            return Outcome("retry", safe(str(error)))
        return outcome_of(answer, self._clock())

    def _headers(self, message: OutboxMessage) -> dict[str, str]:
        signed = signature_headers(self._signers, message, self._clock())
        return {"content-type": "application/json", "user-agent": "sessionwatch", **signed}


def read_signers(name: str, secrets: Sequence[str]) -> list[Webhook]:
    """Return what signs by each of a target's secrets.

    Raises:
        TargetRefused: a secret is malformed; the error never shows it.
    """
    return [_signer(name, secret) for secret in secrets]


def signature_headers(signers: Sequence[Webhook], message: OutboxMessage, now: int) -> dict[str, str]:
    """Return the three headers by which a receiver knows a message, when it was sent and by whom.

    Args:
        signers: one for each secret that a receiver may know.
        message: its payload is what is signed.
        now: microseconds since the epoch.
    """
    # The library takes the timestamp as an aware datetime and cuts it to seconds, as the header must be.
    moment = to_datetime(now)
    signatures = [signer.sign(message.message_id, moment, message.payload) for signer in signers]
    return {
        "webhook-id": message.message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def outcome_of(answer: Answer, now: int) -> Outcome:
    """Return what an answer means.

    Args:
        answer: of the receiver.
        now: microseconds since the epoch, for a Retry-After that names a date.
    """
    if 200 <= answer.status < 300:
        return DELIVERED
    detail = f"answered {answer.status}"
    if answer.status == _GONE:
        return Outcome("gone", detail)
    if answer.status in _NEVER:
        return Outcome("refused", detail)
    if answer.status in _SLOW_DOWN:
        return Outcome("retry", detail, retry_after(answer.headers.get("retry-after"), now))
    if 300 <= answer.status < 400:
        return Outcome("retry", f"{detail}: redirects are not followed")
    return Outcome("retry", detail)


def retry_after(value: str | None, now: int) -> int | None:
    """Return a Retry-After (seconds, or an HTTP date) as microseconds from now; None if unreadable."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit() and len(value) < 10:
        return int(value) * SECOND
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0, to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now)


def _signer(name: str, secret: str) -> Webhook:
    """Return the signer of one secret; the error never shows it."""
    size = f"{MIN_SECRET_BYTES}-{MAX_SECRET_BYTES}"
    what = f"target {name}: a secret must be whsec_ and the base64 of {size} bytes"
    if not secret.startswith("whsec_"):
        raise TargetRefused(what)
    try:
        length = len(binascii.a2b_base64(secret.removeprefix("whsec_"), strict_mode=True))
    except (binascii.Error, ValueError):
        raise TargetRefused(what) from None
    if not MIN_SECRET_BYTES <= length <= MAX_SECRET_BYTES:
        raise TargetRefused(what)
    return Webhook(secret)
