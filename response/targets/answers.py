"""What a provider's answers mean, and what is read from them."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from response.http import Answer
from response.outcome import Outcome
from response.targets.webhook import retry_after
from schemas.instant import SECOND

_RESETS = ("x-rate-limit-reset", "x-ratelimit-reset")
"""Okta's and Auth0's way to say when to come again: the second since the epoch."""
_REFUSED = frozenset({400, 404, 409, 422})
"""Answers that repeating the request would not change."""

Document = TypeVar("Document")


class NotDone(Exception):
    """The try ends here; `outcome` is what came of it."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


def api_outcome(answer: Answer, now: int, absent: str = "") -> Outcome:
    """Return what an answer that is no success means.

    Args:
        answer: of the API.
        now: microseconds since the epoch, for a Retry-After that names a date.
        absent: what 404 means here.
    """
    if answer.status == 404 and absent:
        return Outcome("refused", absent)
    detail = f"answered {answer.status}"
    if answer.status in (401, 403):
        return Outcome("retry", f"{detail}: see whether the credentials and their rights are still good")
    if answer.status in _REFUSED:
        return Outcome("refused", detail)
    if 300 <= answer.status < 400:
        return Outcome("retry", f"{detail}: redirects are not followed")
    return Outcome("retry", detail, patience_asked(answer, now))


def patience_asked(answer: Answer, now: int) -> int | None:
    """Return how long an answer asks to wait, microseconds: by Retry-After, else by the end of its rate window.

    Args:
        answer: of an API.
        now: microseconds since the epoch.
    """
    if answer.status < 500 and answer.status != 429:
        return None
    asked = retry_after(answer.headers.get("retry-after"), now)
    if asked is not None or answer.status != 429:
        return asked
    for name in _RESETS:
        text = answer.headers.get(name, "")
        if text.isascii() and text.isdigit() and len(text) < 12:
            return max(0, int(text) * SECOND - now)
    return None


def read(answer: Answer, kind: type[Document]) -> Document:
    """Return an answer's JSON.

    Raises:
        NotDone: it is none, or of another shape.
    """
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotDone(Outcome("retry", "the answer cannot be read")) from error
