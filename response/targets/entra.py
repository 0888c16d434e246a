"""Microsoft Entra ID: `revokeSignInSessions` of Microsoft Graph."""

from __future__ import annotations

from typing import Unpack
from urllib.parse import quote

import msgspec

from response.outcome import Outcome
from response.targets.answers import NotDone, read
from response.targets.credentials import ClientCredentials
from response.targets.http_target import Connection, HttpTarget
from response.targets.management import CALL_DEADLINE_S, ManagementApi, base_url, carry_out, segment
from schemas.revocation import Scope, WebhookBody
from store.rows import OutboxMessage

GRAPH = "https://graph.microsoft.com"
LOGIN = "https://login.microsoftonline.com"
"""The world's cloud; national ones have hosts of their own."""


class _Done(msgspec.Struct):
    value: bool


class EntraTarget(HttpTarget):
    """Makes a user's refresh tokens and session cookies worthless.

    Entra ends all of a user's sessions, within some minutes, those included that began after the decision. Access
    tokens live to their end, unless the resource evaluates access continuously. Guests sign in at their home tenant
    and are not reached.

    Args:
        name, app: as in the configuration.
        tenant: its id or domain.
        client_id, secret: of a registered application.
        url: where Microsoft Graph is.
        login_url: where tokens come from.
        connection: to the receiver.

    Raises:
        TargetRefused: a URL cannot be used.
    """

    kind = "entra"
    deadline_s = CALL_DEADLINE_S
    scopes: frozenset[Scope] = frozenset({"user"})
    kinds = frozenset({"session.revoked"})

    def __init__(
        self,
        name: str,
        app: str,
        *,
        tenant: str,
        client_id: str,
        secret: str,
        url: str = GRAPH,
        login_url: str = LOGIN,
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(name, app, **connection)
        graph = base_url(name, url)
        tokens = f"{base_url(name, login_url)}/{quote(tenant, safe='')}/oauth2/v2.0/token"
        credentials = ClientCredentials(tokens, client_id, secret, self._client, self._clock, scope=f"{graph}/.default")
        self._api = ManagementApi(f"{graph}/v1.0", credentials, self._client, self._clock)

    def deliver(self, message: OutboxMessage) -> Outcome:
        """End the user's sessions once."""
        return carry_out(message, self.scopes, self._end)

    def _end(self, body: WebhookBody) -> None:
        path = f"/users/{segment(body.data.user_id)}/revokeSignInSessions"
        answer = self._api.call("POST", path, absent="Entra knows no such user")
        if answer is not None and answer.body and not read(answer, _Done).value:
            raise NotDone(Outcome("retry", "Entra answered that the sessions were not revoked"))
