"""Cleaning of what a client can choose.

A thief can send any User-Agent, any address text, any device id. None of it may make an event invisible, so
it is cut and cleaned, never refused, and the event carries a flag that says so.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from functools import lru_cache

from schemas.limits import MAX_FLAG, MAX_FLAGS, MAX_TEXT, MAX_USER_ID

CLIENT_TEXT = (
    "user_agent", "device_id", "auth_method", "idp", "idp_session_id", "bound", "action", "drill",
    "country", "region", "city", "network_type",
)  # fmt: skip
"""Text fields that are cleaned and cut at 1,024 characters."""

PLACEHOLDER_USERS = frozenset({"", "-", "anonymous", "unknown", "null", "none", "undefined", "n/a"})
"""User ids that mean nobody: as a key they would gather a flood of strangers."""

# C0, DEL, C1, and lone surrogates, which no UTF-8 column can hold.
_UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# 45 characters hold every IPv6 address; some room for the blanks around it.
_LONGEST_IP = 64
_HINT = re.compile(r"h_[A-Za-z0-9_-]{1,126}")


def clean_text(text: str, limit: int = MAX_TEXT) -> tuple[str, bool]:
    """Return the text with control characters and lone surrogates as U+FFFD, cut at `limit` characters.

    The second value says whether anything changed.
    """
    cleaned = text[:limit]
    # Nearly all text is printable: one C loop decides, and the pattern runs for the rest.
    if not cleaned.isprintable():
        cleaned = _UNWRITABLE.sub("�", cleaned)
    return cleaned, cleaned != text


def clean_ip(text: str) -> str | None:
    """Return an address in its canonical form, or None when it cannot be read.

    An IPv4 address inside IPv6 (``::ffff:192.0.2.1``) is the IPv4 address; a zone or a port is no part of
    one.
    """
    # Looked at before the cache, which would otherwise hold whatever anybody sends.
    return _canonical_ip(text) if len(text) <= _LONGEST_IP else None


@lru_cache(maxsize=65_536)
def _canonical_ip(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        return str(address.ipv4_mapped or address)
    return str(address)


def clean_user_id(text: str) -> tuple[str | None, str | None]:
    """Return a user id that may be a key, and the flag of what was done to it.

    Placeholders become None. Above 256 characters it is cut with a hash as suffix, so that two long ids that
    begin alike stay two.
    """
    cleaned, changed = clean_text(text, limit=len(text))
    if cleaned.strip().lower() in PLACEHOLDER_USERS:
        return None, "user_id:placeholder"
    if len(cleaned) > MAX_USER_ID:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return f"{cleaned[: MAX_USER_ID - 33]}~{digest}", "user_id:cut"
    return cleaned, "user_id:cleaned" if changed else None


def clean_user_hint(text: str) -> tuple[str, str | None]:
    """Return a typed name's keyed hash; anything else than the emitter's form is hashed before it goes
    further.

    What people type into a login's name field is at times their password.
    """
    if _HINT.fullmatch(text):
        return text, None
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"h_{digest[:43]}", "user_hint:hashed"


def clean_flags(flags: list[str]) -> tuple[list[str], bool]:
    """Return the flags of the emitter as far as they are ones: at most 32 of 64 characters each.

    The second value says whether anything changed.
    """
    cleaned = [clean_text(flag, MAX_FLAG)[0] for flag in flags[:MAX_FLAGS]]
    return cleaned, cleaned != flags
