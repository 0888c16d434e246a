"""A simulated month, read back as its reader sees it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from sample_logs.simulate.labels import Labels
from sample_logs.simulate.month import Month

Wire = dict[str, Any]


@dataclass
class Simulated:
    """The lines of a month, and its labels by session, user or address."""

    lines: list[bytes]
    labels: dict[str, str]

    @cached_property
    def events(self) -> list[Wire]:
        return [msgspec.json.decode(line) for line in self.lines]

    @cached_property
    def sessions(self) -> dict[str, list[Wire]]:
        """The events of each labelled session, in order."""
        found: dict[str, list[Wire]] = {}
        for event in self.events:
            session_id = event.get("session_id")
            if session_id in self.labels:
                found.setdefault(session_id, []).append(event)
        return found

    def where(self, **facts: str) -> Iterator[Wire]:
        """Yield the events with these values."""
        return (event for event in self.events if all(event.get(name) == fact for name, fact in facts.items()))


def simulated(month: Month) -> Simulated:
    told = io.StringIO(newline="")
    lines = list(month.lines(Labels(told)))
    header, *rows = csv.reader(io.StringIO(told.getvalue()))
    assert header == ["session_id", "attack"]
    return Simulated(lines, {row[0]: row[1] for row in rows})
