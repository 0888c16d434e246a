"""Links by which a person acts from chat: each names alert and act, lives 30 min and works once (decision 33)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
import uuid
from collections.abc import Collection, Iterable, Mapping

import msgspec

from schemas.instant import MINUTE, SECOND
from schemas.link import LINK_ACTS, LinkAct

WITHOUT_SIGN_IN: frozenset[LinkAct] = frozenset({"acknowledge"})
"""What a link may do for whoever holds it, at most, and only where the configuration says so."""
KEY_BYTES = 32
LIFE_US = 30 * MINUTE

_PREFIX = "swl1"
_CODES: Mapping[LinkAct, int] = {"acknowledge": 1, "take": 2, "false_alarm": 3, "benign": 4, "revoke_session": 5}
"""Signed with the rest, and read by the page too (`act.js`): numbers stay as they are."""
_ACTS = {code: act for act, code in _CODES.items()}
# Act, alert, link, and until when in seconds: so few bytes that five links fit into any chat message.
_BODY = struct.Struct(">B16s16sI")
_MAC_BYTES = 18
"""RFC 2104 (section 5) asks for half of what the hash gives, 16 at least; with two more the token has no padding."""
_NAMESPACE = uuid.UUID("5e551094-4a7c-5c8e-9d0f-a1e27a1e2709")


class LinkRefused(Exception):
    """A link does nothing; the text says why and quotes nothing of it."""


class LinkExpired(LinkRefused):
    """A link that was good once: nobody has guessed."""


class Link(msgspec.Struct, frozen=True):
    """What a link says.

    Attributes:
        id: it works once; the same message told twice has the same.
        until_us: microseconds since the epoch.
    """

    id: str
    act: LinkAct
    alert_id: str
    until_us: int


class LinkKey:
    """Signs the tokens of links, and reads back what it has signed (HMAC-SHA256, RFC 2104).

    Args:
        key: 32 random bytes.
        base: where people reach the API, such as ``https://sessionwatch.example.com``.
        acts: what links are made for.

    Raises:
        ValueError: a key of another length.
    """

    def __init__(self, key: bytes, base: str, acts: Iterable[LinkAct] = LINK_ACTS) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a link key has {KEY_BYTES} bytes")
        self._key = key
        self._base = base
        self.acts = frozenset(acts)

    def __repr__(self) -> str:
        return "LinkKey(…)"

    def links(self, message_id: str, acts: Collection[LinkAct], alert_id: str, now_us: int) -> dict[str, str]:
        """Return the link of each act that there are links for.

        Args:
            message_id: of the message that shows them; with the act it makes the id.
            acts: what may be done about the alert.
            alert_id: a UUID.
            now_us: the clock of `response/`, microseconds since the epoch.
        """
        # Up to a full second, which is what a token holds.
        until_us = -(-(now_us + LIFE_US) // SECOND) * SECOND
        wanted = [act for act in LINK_ACTS if act in self.acts and act in acts]
        links = [Link(str(uuid.uuid5(_NAMESPACE, f"{message_id}:{act}")), act, alert_id, until_us) for act in wanted]
        # The token stands in the fragment, which no browser sends and no robot follows.
        return {link.act: f"{self._base}/act#{self.token(link)}" for link in links}

    def token(self, link: Link) -> str:
        """Return the signed token of a link: lower-case letters and digits, which no chat takes for markup."""
        body = _BODY.pack(
            _CODES[link.act], uuid.UUID(link.alert_id).bytes, uuid.UUID(link.id).bytes, link.until_us // SECOND
        )
        return _PREFIX + base64.b32encode(body + self._mac(body)).decode().rstrip("=").lower()

    def read(self, token: str, now_us: int) -> Link:
        """Return what a token says.

        Raises:
            LinkRefused: it was not signed by this key, or is damaged.
        LinkExpired: its time is over.
        """
        body, mac = _parts(token)
        if not hmac.compare_digest(self._mac(body), mac):
            raise LinkRefused("this is no link of this sessionwatch, or it was changed: take it from the message again")
        code, alert, link, until_s = _BODY.unpack(body)
        if until_s * SECOND <= now_us:
            raise LinkExpired("the link's 30 minutes are over: open the alert in the console or by the command")
        return Link(str(uuid.UUID(bytes=link)), _ACTS[code], str(uuid.UUID(bytes=alert)), until_s * SECOND)

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, _PREFIX.encode() + body, hashlib.sha256)[:_MAC_BYTES]


def _parts(token: str) -> tuple[bytes, bytes]:
    """Return what was signed, and the signature."""
    text = token.removeprefix(_PREFIX)
    content = b""
    if text != token and text.isascii():
        try:
            content = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
        except binascii.Error:
            content = b""
    if len(content) != _BODY.size + _MAC_BYTES:
        raise LinkRefused("this is no link of sessionwatch: take it from the message again")
    return content[: _BODY.size], content[_BODY.size :]
