"""When a session lived: found without reading the whole store, since every query is bounded by time."""

from __future__ import annotations

from schemas.instant import DAY, MINUTE
from sessionwatch.api.asker import Asker
from sessionwatch.api.problem import not_found
from store.session_facts import Span

LATEST_US = 4_102_444_800_000_000
_WINDOWS_DAYS = (1, 8, 40)
_AHEAD_US = 5 * MINUTE
"""An event may be that far ahead of the clock."""


def window(asker: Asker, since_us: int | None, until_us: int | None, default_us: int) -> tuple[int, int]:
    """Return the time of a question, bounded by the retention.

    Args:
        asker: who asks.
        since_us, until_us: as asked, microseconds since the epoch; None = the default, up to now.
        default_us: how far back by default.
    """
    now_us = asker.now_us()
    until = now_us + _AHEAD_US if until_us is None else min(max(until_us, 0), LATEST_US)
    oldest_us = now_us - asker.installation.settings.store.retention
    since = max(min(until, now_us) - default_us, oldest_us) if since_us is None else max(since_us, 0)
    return min(since, until), until


def session_span(asker: Asker, app: str, session_id: str) -> Span:
    """Return when a session lived, and whose it is.

    The newest time is looked at first: whoever asks about a session mostly asks about one of today.

    Raises:
        Refusal: 404, there is no such session that this asker may see.
    """
    if not asker.sees(app):
        raise not_found("session")
    now_us = asker.now_us()
    retention_us = asker.installation.settings.store.retention
    # A session is older than its window when it was in use at the window's beginning.
    margin_us = asker.installation.apps[app].session_life_us
    found = None
    for days in (*_WINDOWS_DAYS, retention_us // DAY + 1):
        since_us = now_us - days * DAY
        found = asker.reader.session_span(app, session_id, since_us, now_us + _AHEAD_US)
        if found is not None and found.first_us - since_us > margin_us:
            break
    if found is None:
        # Its events may all lie ahead or beyond: a replayed file, a clock that was set.
        found = asker.reader.session_span(app, session_id, 0, LATEST_US)
    if found is None:
        raise not_found("session")
    return found
