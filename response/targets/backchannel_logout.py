"""OpenID Connect Back-Channel Logout 1.0: a logout token for the relying party, as its identity provider sends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack
from urllib.parse import urlencode

from response.errors import TargetRefused
from response.http import Answer, HttpFailed, check_url
from response.outcome import DELIVERED, Outcome
from response.ssf.keys import KeyRing
from response.ssf.token import logout_token
from response.targets.http_target import Connection, HttpTarget
from response.targets.webhook import outcome_of
from response.text import safe
from schemas.instant import SECOND
from schemas.revocation import Scope, WebhookBody
from store.rows import OutboxMessage

_HEADERS = {
    "content-type": "application/x-www-form-urlencoded",
    "accept": "application/json",
    "user-agent": "sessionwatch",
}
_DONE = frozenset({200, 204})


class BackchannelLogoutTarget(HttpTarget):
    """Posts a logout token. A session's token always names the session: without `sid` all of the user's would end.

    Args:
        name, app: as in the configuration.
        url: the relying party's back-channel logout URI; https, or http on loopback.
        audience: its client id.
        issuer: as which it knows the issuer of its ID tokens.
        keys: sign the tokens; the relying party must find them at the issuer's `jwks_uri`.
        find_idp_session: returns the `sid` of an app's session.
        connection: to the receiver.

    Raises:
        TargetRefused: the URL cannot be used.
    """

    kind = "backchannel_logout"
    scopes: frozenset[Scope] = frozenset({"session", "user"})
    kinds = frozenset({"session.revoked"})

    def __init__(
        self,
        name: str,
        app: str,
        url: str,
        *,
        audience: str,
        issuer: str,
        keys: KeyRing,
        find_idp_session: Callable[[str, str], str | None],
        **connection: Unpack[Connection],
    ) -> None:
        try:
            check_url(url)
        except TargetRefused as error:
            raise TargetRefused(f"target {name}: {error}") from error
        super().__init__(name, app, **connection)
        self._url = url
        self._audience = audience
        self._issuer = issuer
        self._keys = keys
        self._find_idp_session = find_idp_session

    def deliver(self, message: OutboxMessage) -> Outcome:
        """Post the logout token once."""
        if message.kind not in self.kinds:
            return Outcome("refused", f"a logout token cannot say {message.kind}")
        data = WebhookBody.model_validate_json(message.payload).data
        sid = None
        if data.scope == "session":
            sid = self._find_idp_session(data.app, data.session_id or "")
            if sid is None:
                return Outcome("refused", "the session has no idp_session_id, so the relying party cannot know it")
        elif data.user_id is None:
            return Outcome("refused", "the revocation names no user")
        try:
            answer = self._client.post(self._url, _HEADERS, self._body(message, sid, data.user_id))
        except HttpFailed as error:
            return Outcome("retry", safe(str(error)))
        return logout_outcome(answer, self._clock())

    def _body(self, message: OutboxMessage, sid: str | None, sub: str | None) -> bytes:
        token = logout_token(
            self._keys.current(),
            issuer=self._issuer,
            audience=self._audience,
            jti=message.message_id,
            now_s=self._clock() // SECOND,
            sid=sid,
            sub=sub,
        )
        return urlencode({"logout_token": token}).encode()


def logout_outcome(answer: Answer, now: int) -> Outcome:
    """Return what the answer to a logout token means: Back-Channel Logout 1.0 section 2.8.

    Args:
        answer: of the relying party.
        now: microseconds since the epoch, for a Retry-After that names a date.
    """
    if answer.status in _DONE:
        return DELIVERED
    if answer.status == 400:
        return Outcome("refused", "answered 400: the relying party does not take the logout token")
    if 200 <= answer.status < 300:
        return Outcome("retry", f"answered {answer.status}, where 200 or 204 says that it is done")
    return outcome_of(answer, now)
