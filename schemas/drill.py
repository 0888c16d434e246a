"""Fire drills: the mark by which events are known as one, signed so that nobody can hide an attack behind it.

A mark counts only with a signature by the installation's own key, for the app and the time that it names, and for
events of reserved users, or of one user whom an admin has named (decision 26). Everything else is cleaned away: an
attacker who reads a mark off the topic can put it on reserved users' events alone, which harm nobody.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping

import msgspec

from schemas.instant import MINUTE, SECOND, parse_rfc3339

RESERVED_PREFIX = "sw-drill-"
"""User ids that begin so are set aside for drills: no app may give one to a person."""
KEY_BYTES = 32
LONGEST_US = 4 * 60 * MINUTE
"""For how long an id counts, from the first event of a drill to its last: 4 hours, in microseconds."""

_VERSION = "d1"
_ID = re.compile(r"d1\.([a-z0-9-]{1,64})\.([rn]{0,2})\.(\d{10,11})\.([0-9a-f]{16})\.([A-Za-z0-9_-]{43})", re.ASCII)


class Drill(msgspec.Struct, frozen=True):
    """What a drill id says of itself.

    Attributes:
        attack: the kind of attack.
        revokes: its session may be revoked automatically, as a real one's.
        named: it is about a user whom an admin has named, and not about reserved ones.
        until_us: event time after which it does not count, microseconds since the epoch.
    """

    attack: str
    revokes: bool
    named: bool
    until_us: int


def read_drill(text: str) -> Drill | None:
    """Return what a drill id says, whether or not its signature is right; None for what is none."""
    found = _ID.fullmatch(text)
    if found is None:
        return None
    attack, flags, until_s = found[1], found[2], int(found[3])
    return Drill(attack, "r" in flags, "n" in flags, until_s * SECOND)


class DrillKey:
    """Signs drill ids and knows its own.

    Args:
        key: 32 random bytes, of this installation.

    Raises:
        ValueError: it is shorter or longer.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"expected {KEY_BYTES} bytes")
        self._key = key

    def __repr__(self) -> str:
        return "DrillKey(…)"

    def sign(
        self, attack: str, app: str, until_us: int, *, named_user: str | None = None, revokes: bool = False
    ) -> str:
        """Return a new drill id.

        Args:
            attack: the kind of attack.
            app: where it is carried out.
            until_us: event time of its last event, microseconds since the epoch.
            named_user: the one user, not a reserved one, whom an admin has named.
            revokes: whether its session may be revoked automatically.
        """
        flags = ("r" if revokes else "") + ("n" if named_user is not None else "")
        head = f"{_VERSION}.{attack}.{flags}.{until_us // SECOND + 1}.{secrets.token_hex(8)}"
        return f"{head}.{self._signature(head, app, named_user)}"

    def counts(self, fields: Mapping[str, object]) -> bool:
        """Say whether an event, with its fields as they came, carries a mark that counts."""
        text, app, user_id, time = (fields.get(name) for name in ("drill", "app", "user_id", "event_time"))
        if not (isinstance(text, str) and isinstance(app, str) and isinstance(user_id, str) and isinstance(time, str)):
            return False
        drill = read_drill(text)
        if drill is None or not (drill.named or user_id.startswith(RESERVED_PREFIX)):
            return False
        head, _, signature = text.rpartition(".")
        expected = self._signature(head, app, user_id if drill.named else None)
        if not hmac.compare_digest(signature, expected):
            return False
        try:
            return drill.until_us - LONGEST_US <= parse_rfc3339(time) <= drill.until_us
        except ValueError:
            return False

    def _signature(self, head: str, app: str, named_user: str | None) -> str:
        # Length-prefixed: a user id may hold any separator.
        parts = [part.encode("utf-8", "surrogatepass") for part in (head, app, named_user or "")]
        signed = b"".join(len(part).to_bytes(4) + part for part in parts)
        digest = hmac.digest(self._key, b"sessionwatch drill\0" + signed, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
