"""What was attack and what was not, as `sessionwatch evaluate` reads it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import TextIO

from sample_logs.simulate.sessions import Session


class Labels:
    """Writes ``session_id,attack``: each session once, and ``user:ID`` or ``ip:ADDR`` for what has no session.

    Args:
        stream: a text file, or None where nobody wants labels.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._writer = None if stream is None else csv.writer(stream, lineterminator="\n")
        self._kept: dict[str, str] = {}
        self._subjects: dict[tuple[str, str], None] = {}
        self.sessions = 0
        self.attacks: dict[str, int] = {}
        if self._writer is not None:
            self._writer.writerow(("session_id", "attack"))

    def end_day(self, sessions: Iterable[Session], subjects: Iterable[tuple[str, str]]) -> None:
        """Take a day's sessions, and what else was attacked.

        A session that goes on for days is kept until the end, since it may still be stolen.
        """
        for session in sessions:
            if session.app.kind == "token":
                self._kept[session.session_id] = session.attack or self._kept.get(session.session_id, "")
            else:
                self._write(session.session_id, session.attack)
        for subject in subjects:
            if subject not in self._subjects:
                self._subjects[subject] = None
                self._count(subject[1])

    def finish(self) -> None:
        """Write what was kept."""
        for session_id, attack in self._kept.items():
            self._write(session_id, attack)
        for subject, attack in self._subjects:
            self._row(subject, attack)

    def _write(self, session_id: str, attack: str) -> None:
        self.sessions += 1
        if attack:
            self._count(attack)
        self._row(session_id, attack)

    def _row(self, subject: str, attack: str) -> None:
        if self._writer is not None:
            self._writer.writerow((subject, attack))

    def _count(self, attack: str) -> None:
        self.attacks[attack] = self.attacks.get(attack, 0) + 1
