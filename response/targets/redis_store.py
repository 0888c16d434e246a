"""Sessions in Redis: deleted by the store's own key, which a map beside them knows."""

from __future__ import annotations

from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from response.errors import TargetRefused
from response.outcome import DELIVERED, Outcome
from response.text import safe
from schemas.revocation import Scope, WebhookBody
from store.rows import OutboxMessage

DEFAULT_PREFIX = "sessionwatch:"
STEP_DEADLINE_S = 5.0
"""For connecting, and for a script: a try is to end within 15 s."""

_END = """
local function finish(entry_key, before)
  local text = redis.call('GET', entry_key)
  if not text then return 'unknown' end
  local entry = cjson.decode(text)
  if entry.ended then return 'ended' end
  if before and entry.started >= before then return 'later' end
  redis.call('DEL', entry.key)
  redis.call('SET', entry_key, '{"ended":true}', 'KEEPTTL')
  return 'ended'
end
"""
# The store's keys are raw session ids: they are read and used inside Redis and never returned.
_END_SESSION = _END + "return finish(KEYS[1], nil)"
_END_USER = (
    _END
    + """
local known = 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if finish(ARGV[1] .. id, tonumber(ARGV[2])) ~= 'unknown' then known = known + 1 end
end
return known
"""
)

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class RedisTarget:
    """Deletes sessions from a store in Redis (Django's cache, Flask-Session, express-session, Spring Session).

    It needs the map that the SDK's `RedisSessionMap` keeps in the same database. A session that the map does not know
    is refused, not passed over: either it has ended, or the app does not keep the map, and nobody could tell.
    One that was ended stays marked as ended for the rest of its life, so that a second delivery is no failure.
    Of a user's sessions those end that began before the decision.

    Args:
        name, app: as in the configuration.
        url: ``rediss://…`` or ``unix://…``; ``redis://`` on loopback only.
        prefix: of the map's keys.
        deadline_s: for each step of a try, seconds.

    Raises:
        TargetRefused: the URL cannot be used.
    """

    kind = "redis"
    scopes: frozenset[Scope] = frozenset({"session", "user"})
    kinds = frozenset({"session.revoked"})

    def __init__(
        self,
        name: str,
        app: str,
        url: str,
        *,
        prefix: str = DEFAULT_PREFIX,
        deadline_s: float = STEP_DEADLINE_S,
    ) -> None:
        self.name = name
        self.app = app
        self._prefix = prefix
        try:
            check_redis_url(url)
            self._client = redis.Redis.from_url(
                url,
                socket_timeout=deadline_s,
                socket_connect_timeout=deadline_s,
                retry=Retry(NoBackoff(), 0),
                protocol=2,
            )
        except (TargetRefused, ValueError) as error:
            raise TargetRefused(f"target {name}: {error}") from error
        self._end_session = self._client.register_script(_END_SESSION)
        self._end_user = self._client.register_script(_END_USER)

    def deliver(self, message: OutboxMessage) -> Outcome:
        """Delete the session, or the user's sessions, once."""
        if message.kind not in self.kinds:
            return Outcome("refused", f"a session store cannot be told {message.kind}")
        body = WebhookBody.model_validate_json(message.payload)
        try:
            known = self._end(body)
        except redis.RedisError as error:
            return Outcome("retry", safe(f"{type(error).__name__}: {error}"))
        if known:
            return DELIVERED
        return Outcome("refused", f"the map in Redis knows no such {body.data.scope}: it has ended, or none is kept")

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _end(self, body: WebhookBody) -> bool:
        entries = f"{self._prefix}session:"
        if body.data.scope == "session":
            return bool(self._end_session([f"{entries}{body.data.session_id}"]) != b"unknown")
        users = [f"{self._prefix}user:{body.data.user_id}"]
        return bool(self._end_user(users, [entries, body.timestamp.timestamp()]))


def check_redis_url(url: str) -> None:
    """Refuse a URL that cannot be used for sessions.

    Raises:
        TargetRefused: another scheme, or neither TLS nor loopback.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise TargetRefused("the URL cannot be read") from error
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise TargetRefused("the URL must begin with rediss://, unix://, or on loopback redis://")
    if parts.scheme == "redis" and parts.hostname not in _LOOPBACK:
        raise TargetRefused("redis:// on loopback only: use rediss://")
