"""The lead's digests as the configuration wants them."""

from __future__ import annotations

from response.digest_text import DIGEST_KINDS, DigestKind, DigestWriter
from response.digests import DigestMail, DigestRecords, Digests, Rhythm
from response.recurring import Recurring, parse_recurring
from sessionwatch.config import Settings


def digest_hour(settings: Settings, kind: DigestKind) -> Recurring | None:
    """Return when a digest is due; None = it is not wanted."""
    text = settings.digest.daily if kind == "daily" else settings.digest.weekly
    return None if text is None else parse_recurring(text, weekly=kind == "weekly")


def open_digests(settings: Settings, records: DigestRecords) -> Digests:
    """Return what makes the digests."""
    plan: dict[DigestKind, Rhythm] = {}
    for kind in DIGEST_KINDS:
        hour = digest_hour(settings, kind)
        if hour is not None:
            writer = DigestWriter(settings.digest.texts(), hour.zone, settings.dashboard.public_url)
            plan[kind] = Rhythm(hour, writer)
    return Digests(plan, records)


def open_digest_mail(settings: Settings) -> list[DigestMail]:
    """Return the way by which the lead is mailed, if there is one."""
    address = settings.digest.address()
    return [] if address is None else [DigestMail(address)]
