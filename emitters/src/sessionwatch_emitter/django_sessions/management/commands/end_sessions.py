"""`manage.py end_sessions`: ends what a revocation on standard input names."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from django.core.management.base import BaseCommand

from sessionwatch_emitter.django_sessions.keys import end, the_emitter
from sessionwatch_emitter.message import RefusedMessageError, read_message
from sessionwatch_emitter.revocation_message import Revocation, read_revocation

NEVER = 65
"""EX_DATAERR of sysexits.h: tells the pipeline that repeating it would change nothing."""
_TELLING_S = 2.0


class Command(BaseCommand):
    """Reads one message of the pipeline as JSON. Exit code 0 = ended, 65 = it never can be, else try again."""

    help = "End the session, or the user's sessions, of the revocation on standard input."

    def handle(self, *_: Any, **__: Any) -> None:
        """Carry it out, and tell the pipeline so."""
        emitter = the_emitter()
        revocation = self._read(emitter.app)
        try:
            ended = end(revocation)
        except LookupError as error:
            self._refuse(str(error))
        for known in ended:
            emitter.revoked(known.session_id, user=known.user_id)
        emitter.close(timeout=_TELLING_S)

    def _read(self, app: str) -> Revocation:
        try:
            revocation = read_revocation(read_message(sys.stdin.buffer.read()))
        except RefusedMessageError as error:
            self._refuse(str(error))
        if revocation.app != app:
            self._refuse("this is another app")
        if revocation.type != "session.revoked":
            self._refuse("sessions can only be ended here")
        return revocation

    def _refuse(self, why: str) -> NoReturn:
        self.stderr.write(why)
        sys.exit(NEVER)
