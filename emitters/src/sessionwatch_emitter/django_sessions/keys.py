"""Writing the map, and ending sessions by it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from importlib import import_module

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from sessionwatch_emitter.django_sessions.models import SessionKey
from sessionwatch_emitter.emitter import SessionEmitter
from sessionwatch_emitter.revocation_message import Revocation


def the_emitter() -> SessionEmitter:
    """Return the app's emitter, by the setting `SESSIONWATCH_EMITTER`."""
    emitter: SessionEmitter = import_string(settings.SESSIONWATCH_EMITTER)
    return emitter


def keep(session_ids: Iterable[str], session_key: str, user_id: str | None, lifetime_s: float) -> None:
    """Note a session that was saved; a known one keeps when it began.

    Args:
        session_ids: hashed, under every key that the app knows.
        session_key: Django's.
        user_id: whose it is, as events tell it.
        lifetime_s: in how many seconds Django lets go of it.
    """
    now = timezone.now()
    facts = {"session_key": session_key, "user_id": user_id, "expires": now + timedelta(seconds=lifetime_s)}
    for session_id in session_ids:
        if not SessionKey.objects.filter(pk=session_id).update(**facts):
            SessionKey.objects.bulk_create(
                [SessionKey(session_id=session_id, started=now, **facts)], ignore_conflicts=True
            )


def end(revocation: Revocation) -> list[SessionKey]:
    """End the session, or the user's sessions that began before the revocation, and return which they were.

    What the map knows of them stays until it expires: the same revocation may come again.

    Raises:
        LookupError: the map knows no session of this id or user.
    """
    if revocation.scope == "session":
        ended = list(SessionKey.objects.filter(pk=revocation.session_id))
        known = bool(ended)
    else:
        of_user = SessionKey.objects.filter(user_id=revocation.user_id)
        known = of_user.exists()
        ended = list(of_user.filter(started__lt=_in_djangos_time(revocation.timestamp_us)))
    if not known:
        raise LookupError(f"no such {revocation.scope} is known here: it has ended, or began before the map was kept")
    store = import_module(settings.SESSION_ENGINE).SessionStore
    for one in ended:
        store(session_key=one.session_key).delete()
    SessionKey.objects.filter(expires__lt=timezone.now()).delete()
    return ended


def _in_djangos_time(instant_us: int) -> datetime:
    moment = datetime.fromtimestamp(instant_us / 1e6, UTC)
    if settings.USE_TZ:
        return moment
    naive: datetime = timezone.make_naive(moment)
    return naive
