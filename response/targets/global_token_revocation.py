"""Global Token Revocation, draft-parecki-oauth-global-token-revocation: a subject is posted, and its tokens end."""

from __future__ import annotations

from typing import Literal, Unpack

from response.errors import TargetRefused
from response.outcome import Outcome
from response.targets.answers import NotDone
from response.targets.credentials import ClientCredentials, Credentials, FixedCredentials
from response.targets.http_target import Connection, HttpTarget
from response.targets.management import CALL_DEADLINE_S, ManagementApi, carry_out, checked_url
from schemas.revocation import Scope, WebhookBody
from store.rows import OutboxMessage

SubjectFormat = Literal["opaque", "email", "iss_sub"]
"""Of RFC 9493: what the app's user ids are at the receiver."""


class GlobalTokenRevocationTarget(HttpTarget):
    """Posts a user to an authorization server, which ends the user's refresh tokens and sessions.

    Args:
        name, app: as in the configuration.
        url: of the endpoint.
        secret: a bearer token; with `client_id` the client's secret.
        client_id, token_url: where tokens come from by client credentials; None = `secret` is the token.
        subject_format: how the user is named.
        issuer: for `iss_sub`: whose user ids they are.
        connection: to the receiver.

    Raises:
        TargetRefused: a URL cannot be used, or a part of what belongs together is missing.
    """

    kind = "global_token_revocation"
    deadline_s = CALL_DEADLINE_S
    scopes: frozenset[Scope] = frozenset({"user"})
    kinds = frozenset({"session.revoked"})

    def __init__(
        self,
        name: str,
        app: str,
        url: str,
        secret: str,
        *,
        client_id: str | None = None,
        token_url: str | None = None,
        subject_format: SubjectFormat = "opaque",
        issuer: str | None = None,
        **connection: Unpack[Connection],
    ) -> None:
        if (client_id is None) != (token_url is None):
            raise TargetRefused(f"target {name}: client_id and token_url belong together")
        if (subject_format == "iss_sub") != (issuer is not None):
            raise TargetRefused(f'target {name}: an issuer is needed for the format "iss_sub", and for no other')
        super().__init__(name, app, **connection)
        self._subject_format = subject_format
        self._issuer = issuer
        credentials: Credentials = FixedCredentials(f"Bearer {secret}")
        if client_id is not None and token_url is not None:
            credentials = ClientCredentials(checked_url(name, token_url), client_id, secret, self._client, self._clock)
        self._api = ManagementApi(checked_url(name, url), credentials, self._client, self._clock)

    def deliver(self, message: OutboxMessage) -> Outcome:
        """Post the user once."""
        return carry_out(message, self.scopes, self._end)

    def _end(self, body: WebhookBody) -> None:
        if not body.data.user_id:
            raise NotDone(Outcome("refused", "the revocation names no user"))
        subject = {"sub_id": self._subject(body.data.user_id)}
        self._api.call("POST", "", subject, absent="the receiver knows no such user")

    def _subject(self, user_id: str) -> dict[str, str]:
        if self._subject_format == "iss_sub":
            return {"format": "iss_sub", "iss": self._issuer or "", "sub": user_id}
        return {"format": self._subject_format, "email" if self._subject_format == "email" else "id": user_id}
