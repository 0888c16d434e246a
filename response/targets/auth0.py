"""Auth0 by its Management API: sessions with their refresh tokens, and what else a user holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Unpack

import msgspec

from response.outcome import Outcome
from response.targets.answers import NotDone, read
from response.targets.credentials import ClientCredentials
from response.targets.http_target import Connection, HttpTarget
from response.targets.management import (
    CALL_DEADLINE_S,
    FindIdpSession,
    ManagementApi,
    base_url,
    carry_out,
    query,
    segment,
)
from schemas.revocation import Scope, WebhookBody, WebhookData
from store.rows import OutboxMessage

_NOBODY = "Auth0 knows no such user"
_PAGE = 100
_MOST_PAGES = 20


class _Held(msgspec.Struct):
    """A session or a refresh token."""

    id: str
    created_at: datetime


class _Page(msgspec.Struct):
    """A part of a list; `next` is where the rest begins."""

    sessions: list[_Held] = []
    tokens: list[_Held] = []
    next: str | None = None


class Auth0Target(HttpTarget):
    """Ends sessions at an Auth0 tenant.

    A session's revocation needs the `idp_session_id` that the app has told, which is the ID token's `sid`. Of a user's
    sessions and refresh tokens those end that began before the decision. Access tokens live to their end.

    Args:
        name, app: as in the configuration.
        url: of the tenant, ``https://<name>.auth0.com``.
        client_id, secret: of a machine-to-machine application.
        find_idp_session: returns the `sid` of an app's session.
        connection: to the receiver.

    Raises:
        TargetRefused: the URL cannot be used.
    """

    kind = "auth0"
    deadline_s = CALL_DEADLINE_S
    scopes: frozenset[Scope] = frozenset({"session", "user"})
    kinds = frozenset({"session.revoked"})

    def __init__(
        self,
        name: str,
        app: str,
        url: str,
        *,
        client_id: str,
        secret: str,
        find_idp_session: FindIdpSession,
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(name, app, **connection)
        base = base_url(name, url)
        self._find_idp_session = find_idp_session
        credentials = ClientCredentials(
            f"{base}/oauth/token", client_id, secret, self._client, self._clock, audience=f"{base}/api/v2/"
        )
        self._api = ManagementApi(f"{base}/api/v2", credentials, self._client, self._clock)

    def deliver(self, message: OutboxMessage) -> Outcome:
        """End the session, or what the user holds, once."""
        return carry_out(message, self.scopes, self._end)

    def _end(self, body: WebhookBody) -> None:
        if body.data.scope == "session":
            self._revoke(self._sid(body.data))
            return
        user = f"/users/{segment(body.data.user_id)}"
        for session in self._held(f"{user}/sessions"):
            if session.created_at <= body.timestamp:
                self._revoke(session.id)
        # Those of native apps belong to no session, and so does what a session has left behind.
        for token in self._held(f"{user}/refresh-tokens"):
            if token.created_at <= body.timestamp:
                self._api.call("DELETE", f"/refresh-tokens/{segment(token.id)}")

    def _sid(self, data: WebhookData) -> str:
        sid = self._find_idp_session(data.app, data.session_id or "")
        if sid is None:
            raise NotDone(Outcome("refused", "the session has no idp_session_id: the app has not told it"))
        return sid

    def _revoke(self, sid: str) -> None:
        """End a session with its refresh tokens, unless it is not there any more."""
        self._api.call("POST", f"/sessions/{segment(sid)}/revoke")

    def _held(self, path: str) -> Iterator[_Held]:
        """Yield a user's sessions or refresh tokens, page by page.

        Raises:
            NotDone: no such user, or more than one try can end; those that were ended are listed no more.
        """
        start: str | None = None
        for _ in range(_MOST_PAGES):
            answer = self._api.call("GET", path + _page(start), absent=_NOBODY)
            page = read(answer, _Page) if answer is not None else _Page()
            yield from (*page.sessions, *page.tokens)
            start = page.next
            if not start:
                return
        raise NotDone(Outcome("retry", "the user holds more than one try can end"))


def _page(start: str | None) -> str:
    return query({"take": str(_PAGE), **({"from": start} if start else {})})
