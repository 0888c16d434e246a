"""Times on the command line: a duration back from now, a day, an instant; and how long something lasts."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from sessionwatch.workshop.history import Span

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def since_text(text: str | None) -> str | None:
    """Return as RFC 3339 what `--since` says; None for nothing.

    Raises:
        typer.BadParameter: it is neither a duration nor an instant.
    """
    if text is None:
        return None
    from detectors.parameters import parse_duration
    from schemas.instant import parse_rfc3339, to_rfc3339

    try:
        return to_rfc3339(parse_rfc3339(text))
    except ValueError:
        pass
    try:
        back_us = parse_duration(text)
    except ValueError:
        raise typer.BadParameter(
            f'expected a duration such as "24h" or a time such as "2026-11-01T10:00:00Z", got {text[:40]!r}',
            param_hint="--since",
        ) from None
    assert isinstance(back_us, int)
    return to_rfc3339(max(0, time.time_ns() // 1_000 - back_us))


def duration_s(text: str, option: str) -> int:
    """Return a duration in whole seconds.

    Raises:
        typer.BadParameter: it is none.
    """
    from detectors.parameters import parse_duration
    from schemas.instant import SECOND

    try:
        found = parse_duration(text)
    except ValueError:
        raise typer.BadParameter(f'expected a duration such as "15m", got {text[:40]!r}', param_hint=option) from None
    assert isinstance(found, int)
    return found // SECOND


def span(since: str | None, until: str | None) -> Span:
    """Return what `--from` and `--to` say; without `--to` until now.

    Raises:
        typer.BadParameter: one of them is neither a day, a time nor a duration, or it ends before it begins.
    """
    from schemas.instant import parse_rfc3339
    from sessionwatch.workshop.history import Span

    since_us, until_us = (_instant_us(text, name) for text, name in ((since, "--from"), (until, "--to")))
    whole = Span(since_us or 0, parse_rfc3339("2100-01-01T00:00:00Z") if until_us is None else until_us)
    if whole.until_us <= whole.since_us:
        raise typer.BadParameter("it ends before it begins", param_hint="--to")
    return whole


def _instant_us(text: str | None, option: str) -> int | None:
    from schemas.instant import parse_rfc3339

    if text is None:
        return None
    try:
        shown = since_text(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text)
    except typer.BadParameter as error:
        raise typer.BadParameter(error.message, param_hint=option) from None
    return None if shown is None else parse_rfc3339(shown)
