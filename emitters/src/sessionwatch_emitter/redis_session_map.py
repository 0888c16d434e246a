"""The map from hashed session ids to the keys of a session store in Redis, kept beside the sessions.

A hash cannot be turned back: who is told to end the session of an id has to know which key of the store that is. The
app writes it down here whenever it saves a session, with the session's own expiry, in the same database. The
pipeline's target reads it by a script that runs inside Redis, so that no session id ever leaves the store.

Two kinds of keys, simple enough to be written by an app in any language:

- ``<prefix>session:<hashed id>``: JSON, ``key`` (of the store) and ``started`` (seconds since the epoch), with the
  session's expiry;
- ``<prefix>user:<user id>``: a sorted set of the hashed ids of a user's sessions by the second they expire.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

PREFIX = "sessionwatch:"

LAYOUTS = {
    "django": ":1:django.contrib.sessions.cache{}",
    "flask-session": "session:{}",
    "express-session": "sess:{}",
    "spring-session": "spring:session:sessions:{}",
}
"""Where these stores keep a session, by its id in the store and with their default prefixes."""


class RedisSessionMap:
    """Keeps the map.

    Args:
        client: a `redis.Redis` for the database in which the sessions are.
        session_ids: hashes a raw session value under every key that the app knows: `emitter.keys.session_ids`.
        layout: where the store keeps a session: one of `LAYOUTS`, or a text with ``{}`` for its id.
        prefix: of the map's own keys.
        clock: the wall clock in seconds since the epoch.
    """

    def __init__(
        self,
        client: Any,
        session_ids: Callable[[str], Iterable[str]],
        *,
        layout: str,
        prefix: str = PREFIX,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._session_ids = session_ids
        self._layout = LAYOUTS.get(layout, layout)
        if self._layout.count("{}") != 1:
            raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, or hold {{}} once")
        self._prefix = prefix
        self._clock = clock

    def keep(
        self,
        session: str,
        *,
        lifetime: float,
        started: float,
        user: str | int | None = None,
        store_id: str | None = None,
    ) -> None:
        """Note a session; to be called whenever the store saves it, since its expiry is set anew then.

        Args:
            session: the raw value that events are told with, such as the cookie's.
            lifetime: in how many seconds the store lets go of it.
            started: when it began, in seconds since the epoch.
            user: whose it is; without it a revocation of the user does not find it.
            store_id: its id in the store, where that is not `session` (a signed or encoded cookie).
        """
        expiry = max(1, int(lifetime))
        key = self._layout.format(session if store_id is None else store_id)
        entry = json.dumps({"key": key, "started": started})
        now = self._clock()
        with self._client.pipeline(transaction=False) as commands:
            for session_id in self._session_ids(session):
                commands.set(f"{self._prefix}session:{session_id}", entry, ex=expiry)
                if user is not None:
                    sessions = f"{self._prefix}user:{user}"
                    commands.zremrangebyscore(sessions, "-inf", now)
                    commands.zadd(sessions, {session_id: now + expiry})
                    # The set lives as long as its last session: one that ends sooner must not shorten it.
                    commands.expire(sessions, expiry, nx=True)
                    commands.expire(sessions, expiry, gt=True)
            commands.execute()

    def forget(self, session: str, *, user: str | int | None = None) -> None:
        """Forget a session that the app itself has ended."""
        with self._client.pipeline(transaction=False) as commands:
            for session_id in self._session_ids(session):
                commands.delete(f"{self._prefix}session:{session_id}")
                if user is not None:
                    commands.zrem(f"{self._prefix}user:{user}", session_id)
            commands.execute()
