"""The map from hashed session ids to Django's session keys."""

from __future__ import annotations

from django.db import models


class SessionKey(models.Model):
    """One session by one of its hashed ids. It is as secret as `django_session`, which holds the same keys."""

    session_id = models.CharField(max_length=128, primary_key=True)
    session_key = models.CharField(max_length=40)
    user_id = models.CharField(max_length=256, null=True, db_index=True)
    started = models.DateTimeField()
    expires = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.session_id)
