"""Okta: all of a user's sessions, with their tokens, or a Universal Logout of the user from every app."""

from __future__ import annotations

from typing import Literal, Unpack

import msgspec

from response.errors import TargetRefused
from response.outcome import Outcome
from response.targets.answers import read
from response.targets.client_key import ClientKey
from response.targets.credentials import ClientCredentials, Credentials, FixedCredentials
from response.targets.http_target import Connection, HttpTarget
from response.targets.management import CALL_DEADLINE_S, ManagementApi, base_url, carry_out, segment
from schemas.revocation import Scope, WebhookBody
from store.rows import OutboxMessage

UserName = Literal["id", "login"]

_NOBODY = "Okta knows no such user"


class _User(msgspec.Struct):
    id: str


class OktaTarget(HttpTarget):
    """Ends a user's sessions by Okta's API.

    Okta's API has no way to end one session, nor to spare those that began after the decision: a revocation that
    arrives late takes later sign-ins along.

    Args:
        name, app: as in the configuration.
        url: of the organisation, ``https://<name>.okta.com``.
        secret: the private key, as JWK, of the service app that `client_id` names; without one an API token, which
            Okta lets die when it is not used for 30 days.
        client_id: of a service app.
        user_by: what the app's user ids are at Okta.
        universal_logout: ask for a Universal Logout (Global Token Revocation), which also ends the user's sessions in
            the apps that support it.
        connection: to the receiver.

    Raises:
        TargetRefused: the URL or the key cannot be used.
    """

    kind = "okta"
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
        user_by: UserName = "id",
        universal_logout: bool = False,
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(name, app, **connection)
        self._user_by = user_by
        self._universal_logout = universal_logout
        base = base_url(name, url)
        credentials: Credentials = FixedCredentials(f"SSWS {secret}")
        if client_id is not None:
            scope = " ".join(_scopes(user_by, universal_logout))
            key = _key(name, secret)
            credentials = ClientCredentials(
                f"{base}/oauth2/v1/token", client_id, key, self._client, self._clock, scope=scope
            )
        self._api = ManagementApi(base, credentials, self._client, self._clock)

    def deliver(self, message: OutboxMessage) -> Outcome:
        """End the user's sessions once."""
        return carry_out(message, self.scopes, self._end)

    def _end(self, body: WebhookBody) -> None:
        user = self._user(body.data.user_id)
        if self._universal_logout:
            subject = {"sub_id": {"format": "opaque", "id": user}}
            self._api.call("POST", "/oauth2/v1/global-token-revocation", subject, absent=_NOBODY)
        else:
            path = f"/api/v1/users/{segment(user)}/sessions?oauthTokens=true"
            self._api.call("DELETE", path, absent=_NOBODY)

    def _user(self, named: str | None) -> str:
        """Return Okta's id of the user."""
        place = segment(named)
        if self._user_by == "id":
            return named or ""
        answer = self._api.call("GET", f"/api/v1/users/{place}", absent=_NOBODY)
        return read(answer, _User).id if answer is not None else ""


def _key(name: str, text: str) -> ClientKey:
    try:
        return ClientKey(text)
    except TargetRefused as error:
        raise TargetRefused(f"target {name}: {error}") from error


def _scopes(user_by: UserName, universal_logout: bool) -> list[str]:
    """Return what a service app has to be granted, and no more."""
    ends = "okta.universalLogout.manage" if universal_logout else "okta.users.manage"
    # Whoever may manage users may look them up.
    return [ends, "okta.users.read"] if universal_logout and user_by == "login" else [ends]
