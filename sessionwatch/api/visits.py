"""Who came in, and who was turned away, for the audit log: so bounded that no flood of wrong tokens fills the store."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from dataclasses import dataclass

from response.commands import Note
from schemas.instant import HOUR, MINUTE
from sessionwatch.api.principal import Principal
from store.rows import PIPELINE

SIGNED_IN = "signed in"
SIGNED_OUT = "signed out"
TOKEN_USED = "token used"  # noqa: S105 - an act
DENIED = "access denied"

NEW_SOURCES = 20
"""Sources a minute that get a line of their own; the others share one."""
MOST_SOURCES = 200
"""Sources counted at a time."""
MOST_HOLDERS = 1_000
"""Token holders whose last use is remembered."""

_SUBJECT = "api"


@dataclass(slots=True)
class _Window:
    """What a source has been denied since its last line."""

    since_us: int
    count: int
    why: str


class Visits:
    """Takes note from any thread. What cannot be noted at once is never waited for.

    The first denial of a source is a line at once; from then on it gets one a minute at most, with a number.

    Args:
        note: hands a note to the pipeline, without blocking.
        clock: microseconds since the epoch.
    """

    def __init__(self, note: Callable[[Note], None], clock: Callable[[], int]) -> None:
        self._note = note
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}
        self._others = _Window(clock(), 0, "")
        self._minute_us, self._new = clock(), 0
        self._used: dict[str, int] = {}

    def signed_in(self, principal: Principal, source: str) -> None:
        """Note that somebody has signed in with a code."""
        self._note(Note(SIGNED_IN, _SUBJECT, principal.name, f"{principal.role}, from {source or 'nowhere known'}"))

    def signed_out(self, principal: Principal) -> None:
        """Note that somebody has signed out."""
        self._note(Note(SIGNED_OUT, _SUBJECT, principal.name, principal.role))

    def used(self, principal: Principal, source: str) -> None:
        """Note that a token is used: the first time, and again after an hour of silence."""
        now_us, holder = self._clock(), f"{principal.name} {principal.expires_us}"
        with self._lock:
            last_us = self._used.pop(holder, None)
            self._used[holder] = now_us
            if len(self._used) > MOST_HOLDERS:
                del self._used[next(iter(self._used))]
        if last_us is None or now_us - last_us >= HOUR:
            why = f"{principal.role}, from {source or 'nowhere known'}"
            self._note(Note(TOKEN_USED, _SUBJECT, principal.name, why))

    def denied(self, source: str, why: str) -> None:
        """Note that a request was turned away.

        Args:
            source: the address it came from, or the name of a token's holder.
            why: in words.
        """
        who, now_us = _network(source), self._clock()
        with self._lock:
            self._flush(now_us)
            window = self._windows.get(who)
            if window is not None:
                window.count, window.why = window.count + 1, why
                return
            if self._new >= NEW_SOURCES or len(self._windows) >= MOST_SOURCES:
                self._others.count, self._others.why = self._others.count + 1, why
                return
            self._new += 1
            self._windows[who] = _Window(now_us, 0, why)
        self._note(Note(DENIED, _SUBJECT, who, why))

    def tick(self) -> None:
        """Note what was counted; asked at every turn of the pipeline."""
        with self._lock:
            self._flush(self._clock())

    def _flush(self, now_us: int) -> None:
        if now_us - self._minute_us >= MINUTE:
            self._minute_us, self._new = now_us, 0
            if self._others.count:
                why = f"{self._others.count} requests from other addresses, the last: {self._others.why}"
                self._note(Note(DENIED, _SUBJECT, PIPELINE, why))
            self._others = _Window(now_us, 0, "")
        over = [who for who, window in self._windows.items() if now_us - window.since_us >= MINUTE]
        for who in over:
            window = self._windows.pop(who)
            if window.count:
                self._note(Note(DENIED, _SUBJECT, who, f"{window.count} more requests, the last: {window.why}"))
                self._windows[who] = _Window(now_us, 0, window.why)


def _network(source: str) -> str:
    """Return the address, of IPv6 its network of 64 bits: anybody there has as many addresses as they like."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source or "unknown address"
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else source
