"""Keycloak by its admin API: end a session, log a user out, lock a login."""

from __future__ import annotations

from typing import Literal, Unpack
from urllib.parse import quote

import msgspec

from response.outcome import DELIVERED, Outcome
from response.targets.answers import NotDone, read
from response.targets.credentials import ClientCredentials
from response.targets.http_target import Connection, HttpTarget
from response.targets.lock_marks import LockMarks
from response.targets.management import CALL_DEADLINE_S, FindIdpSession, ManagementApi, base_url, query, segment
from schemas.instant import to_us
from schemas.revocation import Scope, WebhookBody, WebhookData
from store.rows import OutboxMessage

UserName = Literal["id", "username", "email"]

_REVOKED, _RELEASED, _LOCKED = "session.revoked", "session.released", "session.login_locked"
_MILLISECOND = 1_000
_NOBODY = "Keycloak knows no such user"


class _User(msgspec.Struct):
    id: str


class _Session(msgspec.Struct):
    """A session of the provider's; `start` is in milliseconds since the epoch."""

    id: str
    start: int


class _Grant(msgspec.Struct):
    """What a client was granted besides scopes, which is offline tokens; `client` is its internal id."""

    client: str


class _Consent(msgspec.Struct, rename="camel"):
    additional_grants: list[_Grant] = []


class KeycloakTarget(HttpTarget):
    """Ends sessions at a realm of Keycloak 26 or later.

    A session's revocation needs the `idp_session_id` that the app has told, which is the token's `sid`; it ends the
    session with its offline session. A user's revocation ends the sessions and offline sessions that began before
    the decision, one by one: Keycloak's own logout of a user would take later ones along and leave offline ones alone.
    A login is locked by disabling the user, and only where the configuration allows it; a release enables the user.
    Whom somebody else has disabled is left alone: a release would let them in.

    Args:
        name, app: as in the configuration.
        url: where Keycloak's paths begin.
        realm: its name.
        client_id, secret: of a confidential client with a service account.
        find_idp_session: returns the `sid` of an app's session.
        user_by: what the app's user ids are at Keycloak.
        locks: where it is noted which accounts were disabled here; None = logins are never locked.
        connection: to the receiver.

    Raises:
        TargetRefused: the URL cannot be used.
    """

    kind = "keycloak"
    deadline_s = CALL_DEADLINE_S

    def __init__(
        self,
        name: str,
        app: str,
        url: str,
        *,
        realm: str,
        client_id: str,
        secret: str,
        find_idp_session: FindIdpSession,
        user_by: UserName = "id",
        locks: LockMarks | None = None,
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(name, app, **connection)
        self.scopes: frozenset[Scope] = frozenset({"session", "user", *(("login",) if locks else ())})
        self.kinds = frozenset({_REVOKED, *((_RELEASED, _LOCKED) if locks else ())})
        self._locks = locks
        base, place = base_url(name, url), quote(realm, safe="")
        self._find_idp_session = find_idp_session
        self._user_by = user_by
        tokens = f"{base}/realms/{place}/protocol/openid-connect/token"
        credentials = ClientCredentials(tokens, client_id, secret, self._client, self._clock)
        self._api = ManagementApi(f"{base}/admin/realms/{place}", credentials, self._client, self._clock)

    def deliver(self, message: OutboxMessage) -> Outcome:
        """Carry the message out once."""
        body = WebhookBody.model_validate_json(message.payload)
        if not self._knows(message.kind, body.data.scope):
            return Outcome("refused", f"this target cannot be told {message.kind} of a {body.data.scope}")
        try:
            if body.data.scope == "login":
                self._lock_or_unlock(message.kind, body.data)
            elif message.kind == _REVOKED and body.data.scope == "session":
                self._end_session(body.data)
            elif message.kind == _REVOKED:
                self._end_sessions(body.data, to_us(body.timestamp))
            # What else is released has ended for good: its user signs in again.
        except NotDone as done:
            return done.outcome
        return DELIVERED

    def _end_session(self, data: WebhookData) -> None:
        sid = self._find_idp_session(data.app, data.session_id or "")
        if sid is None:
            raise NotDone(Outcome("refused", "the session has no idp_session_id: the app has not told it"))
        # The offline session of the same name would otherwise go on for weeks.
        for kept in ("false", "true"):
            self._delete(sid, kept)

    def _end_sessions(self, data: WebhookData, decided_us: int) -> None:
        user = self._user(data)
        answer = self._api.call("GET", f"/users/{user}/sessions", absent=_NOBODY)
        self._end_earlier(read(answer, list[_Session]) if answer is not None else [], decided_us, "false")
        # Offline sessions outlive a logout of the user; the list of consents names the clients that have some.
        answer = self._api.call("GET", f"/users/{user}/consents")
        for consent in read(answer, list[_Consent]) if answer is not None else []:
            for grant in consent.additional_grants:
                kept = self._api.call("GET", f"/users/{user}/offline-sessions/{segment(grant.client)}")
                self._end_earlier(read(kept, list[_Session]) if kept is not None else [], decided_us, "true")

    def _end_earlier(self, sessions: list[_Session], decided_us: int, kept: str) -> None:
        for one in sessions:
            if one.start * _MILLISECOND <= decided_us:
                self._delete(one.id, kept)

    def _delete(self, sid: str, kept: str) -> None:
        """Delete a session, or as an offline one, unless it is not there any more."""
        self._api.call("DELETE", f"/sessions/{segment(sid)}" + query({"isOffline": kept}))

    def _knows(self, kind: str, scope: Scope) -> bool:
        if kind not in self.kinds or scope not in self.scopes:
            return False
        return kind == _RELEASED or (kind == _LOCKED) == (scope == "login")

    def _lock_or_unlock(self, kind: str, data: WebhookData) -> None:
        assert self._locks is not None
        try:
            if kind == _LOCKED:
                self._disable(data, self._locks)
            else:
                self._enable(data, self._locks)
        except OSError as error:
            raise NotDone(Outcome("retry", f"the lock cannot be noted: {error.strerror}")) from error

    def _disable(self, data: WebhookData, locks: LockMarks) -> None:
        user = self._user(data)
        whole = self._whole(user)
        if whole.get("enabled") is not False:
            locks.set(data.revocation_id)
            self._api.call("PUT", f"/users/{user}", {**whole, "enabled": False}, absent=_NOBODY)
        elif data.revocation_id not in locks:
            raise NotDone(Outcome("refused", "the user is disabled already, by somebody else"))

    def _enable(self, data: WebhookData, locks: LockMarks) -> None:
        user = self._user(data)
        whole = self._whole(user)
        if whole.get("enabled") is not True:
            if data.revocation_id not in locks:
                raise NotDone(Outcome("refused", "the user was disabled by somebody else, who alone should enable it"))
            self._api.call("PUT", f"/users/{user}", {**whole, "enabled": True}, absent=_NOBODY)
        locks.clear(data.revocation_id)

    def _whole(self, user: str) -> dict[str, object]:
        """Return the user's representation; all of it goes back, since what it leaves out may be deleted."""
        answer = self._api.call("GET", f"/users/{user}", absent=_NOBODY)
        return read(answer, dict[str, object]) if answer is not None else {}

    def _user(self, data: WebhookData) -> str:
        """Return Keycloak's id of the user, as a segment of a path."""
        if self._user_by == "id" or data.user_id is None:
            return segment(data.user_id)
        answer = self._api.call("GET", "/users" + query({self._user_by: data.user_id, "exact": "true"}))
        found = read(answer, list[_User]) if answer is not None else []
        if len(found) != 1:
            raise NotDone(Outcome("refused", f"Keycloak knows {len(found) or 'no'} users of this {self._user_by}"))
        return segment(found[0].id)
