"""`--since`: a duration back from now, or an instant."""

from __future__ import annotations

import time

import typer


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
