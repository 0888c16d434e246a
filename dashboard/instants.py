"""How instants and lengths of time are written: absolute, with the zone, and an age beside it."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

ZONE_CHOICES = ("UTC", "Local")


def now() -> datetime:
    """Return the console's clock."""
    return datetime.now(UTC)


def zone() -> tzinfo:
    """Return the zone that the person has chosen: UTC, or the browser's."""
    if st.session_state.get("zone", "UTC") == "UTC":
        return UTC
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def zone_name(*instants: datetime) -> str:
    """Return the chosen zone's short name, as it was at the instants: summer and winter have names of their own.

    Args:
        instants: that stand beside the name, in their order; none = now.
    """
    names = [instant.astimezone(zone()).strftime("%Z") for instant in instants or (now(),)]
    return "/".join(dict.fromkeys(names))


def at(instant: datetime, form: str = "%d %b %H:%M:%S") -> str:
    """Return an instant in the chosen zone, without its name."""
    return instant.astimezone(zone()).strftime(form)


def to_the_millisecond(instant: datetime, form: str = "%d %b %H:%M:%S") -> str:
    """Return an instant in the chosen zone with its milliseconds."""
    return f"{at(instant, form)}.{instant.microsecond // 1_000:03}"


def clock(instant: datetime) -> str:
    """Return the time of day, with the day where it is not today."""
    today = now().astimezone(zone()).date() == instant.astimezone(zone()).date()
    return at(instant, "%H:%M:%S" if today else "%d %b %H:%M:%S")


def age(instant: datetime) -> str:
    """Return how long ago an instant was."""
    return length((now() - instant).total_seconds())


def length(seconds: float) -> str:
    """Return a length of time in its two largest units: 42 s, 7 min, 3 h 05, 2 d."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min"
    if whole < 86_400:
        minutes = whole % 3_600 // 60
        return f"{whole // 3_600} h {minutes:02d}" if minutes else f"{whole // 3_600} h"
    return f"{whole // 86_400} d"


def wall_clock(instant: datetime) -> datetime:
    """Return the chosen zone's wall clock labelled as UTC: charts would shift it by the browser's zone otherwise."""
    return instant.astimezone(zone()).replace(tzinfo=UTC)
