"""Keeps the map while requests are served."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import DatabaseError
from django.utils.module_loading import import_string

from sessionwatch_emitter.django_sessions.keys import keep, the_emitter

_log = logging.getLogger("sessionwatch_emitter")


class SessionKeyMiddleware:
    """Notes each session after Django has saved it; stands before `SessionMiddleware` in the setting `MIDDLEWARE`.

    A map that cannot be written fails no request: the session is not found then when it is to be ended.

    Args:
        get_response: the rest.
    """

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self._get_response = get_response
        self._emitter = the_emitter()
        name = getattr(settings, "SESSIONWATCH_USER_OF", None)
        self._user_of: Callable[[Any], object] = import_string(name) if name else _key_of_user

    def __call__(self, request: Any) -> Any:
        """Serve a request."""
        response = self._get_response(request)
        session = getattr(request, "session", None)
        if session is not None and _was_saved(session, response):
            self._note(request, session)
        return response

    def _note(self, request: Any, session: Any) -> None:
        user = self._user_of(request)
        ids = self._emitter.keys.session_ids(session.session_key)
        try:
            keep(ids, session.session_key, None if user is None else str(user), session.get_expiry_age())
        except DatabaseError as error:
            _log.error("a session's key could not be noted: %s", type(error).__name__)


def _was_saved(session: Any, response: Any) -> bool:
    """Say whether Django has saved the session: by its own rule."""
    saved = session.modified or settings.SESSION_SAVE_EVERY_REQUEST
    return bool(session.session_key and saved and response.status_code < 500 and not session.is_empty())


def _key_of_user(request: Any) -> object:
    return request.session.get(SESSION_KEY)
