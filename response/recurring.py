"""An hour of every day or of one day of the week, by a named zone's clock, such as ``Mon 08:00 Europe/Berlin``."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from response.hours import DAYS
from schemas.instant import to_datetime, to_us

_FORM = re.compile(r"(?:(?P<day>[A-Za-z]{3}) )?(?P<hour>\d\d):(?P<minute>\d\d)(?: (?P<zone>[\w+/-]+))?", re.ASCII)
_EXPECTED = {
    True: 'expected a day and an hour such as "Mon 08:00 Europe/Berlin" (without a zone: UTC)',
    False: 'expected an hour such as "08:00 Europe/Berlin" (without a zone: UTC)',
}


class RecurringRefused(ValueError):
    """A text names no such hour."""


class Recurring(msgspec.Struct, frozen=True):
    """When something happens again and again.

    Attributes:
        text: as it was written.
        day: of the week, 0 = Monday; None = every day.
        minute: of the day.
        zone: whose clock is meant; summer time is its own.
    """

    text: str
    day: int | None
    minute: int
    zone: tzinfo

    def last(self, now_us: int) -> int:
        """Return the newest time that is not later than an instant, both microseconds since the epoch."""
        return next(at_us for back in range(9) if (at_us := self._on(now_us, -back)) is not None and at_us <= now_us)

    def following(self, after_us: int) -> int:
        """Return the first time that is later than an instant, both microseconds since the epoch."""
        return next(at_us for on in range(9) if (at_us := self._on(after_us, on)) is not None and at_us > after_us)

    def _on(self, instant_us: int, days: int) -> int | None:
        """Return the time on the day so many days from an instant's; None where it is another day of the week."""
        midnight = to_datetime(instant_us).astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        # By the wall clock: a day on which summer time begins or ends has another length.
        at = midnight.replace(fold=0) + timedelta(days=days, minutes=self.minute)
        return to_us(at) if self.day is None or at.weekday() == self.day else None


def parse_recurring(text: str, *, weekly: bool) -> Recurring:
    """Return the hour that a text names.

    Args:
        text: such as ``08:00 Europe/Berlin``.
        weekly: a day of the week belongs before it.

    Raises:
        RecurringRefused: it names none, or no known time zone.
    """
    form = _FORM.fullmatch(text)
    if form is None or (form["day"] is not None) is not weekly:
        raise RecurringRefused(f"{_EXPECTED[weekly]}, got {text[:80]!r}")
    hour, minute = int(form["hour"]), int(form["minute"])
    if hour > 23 or minute > 59:
        raise RecurringRefused(f"{form['hour']}:{form['minute']} is no time of a day")
    return Recurring(text, _day(form["day"]), hour * 60 + minute, _zone(form["zone"]))


def _day(name: str | None) -> int | None:
    if name is None:
        return None
    if name.capitalize() not in DAYS:
        raise RecurringRefused(f"no day is named {name!r}: expected one of {', '.join(DAYS)}")
    return DAYS.index(name.capitalize())


def _zone(name: str | None) -> tzinfo:
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RecurringRefused(f"no time zone is named {name[:64]!r}: expected one such as Europe/Berlin") from None
