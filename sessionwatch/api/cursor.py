"""Cursors: where a page ended, as a text that a client hands back and need not understand."""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

import msgspec

from sessionwatch.api.problem import Refusal

LONGEST = 1_024
T = TypeVar("T")


def to_cursor(place: tuple[int | float | str, ...]) -> str:
    """Return the text of a place."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def from_cursor(text: str | None, kind: type[T]) -> T | None:
    """Return the place of a text, None for none.

    Args:
        text: what a client hands back.
        kind: the type of the place.

    Raises:
        Refusal: 422, it is no cursor of this list.
    """
    if not text:
        return None
    try:
        padded = text[:LONGEST] + "=" * (-len(text) % 4)
        return msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=kind)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, ValueError):
        raise Refusal(422, "cursor: expected one that this list has given, with the same filters") from None
