"""The map's Django application."""

from __future__ import annotations

from django.apps import AppConfig


class SessionKeysConfig(AppConfig):
    """Its table stands beside the app's own sessions."""

    name = "sessionwatch_emitter.django_sessions"
    label = "sessionwatch_sessions"
    verbose_name = "sessionwatch: session keys"
