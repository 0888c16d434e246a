"""Files of finished events, and what can be wrong with them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.decode import decode_event
from ingest.replay import open_lines
from schemas.event import Event
from schemas.refusal import Refused
from sessionwatch.commands.terminal import say
from sessionwatch.errors import CommandError

_MOST_SHOWN = 20


@contextmanager
def event_lines(file: Path) -> Iterator[Iterable[bytes]]:
    """Open a file of JSON lines, also ``.gz``, also ``-`` for standard input.

    Raises:
        CommandError: it cannot be read, or its compression is broken.
    """
    try:
        with open_lines(str(file)) as lines:
            yield lines
    except BrokenPipeError:
        raise
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise CommandError(f"{file}: not gzip, or cut short: {error}") from None
    except OSError as error:
        raise CommandError(f"{file}: cannot be read: {(error.strerror or str(error)).lower()}") from None


def read_event(line: bytes) -> tuple[Event, bytes]:
    """Return the event in a line, and the line as it stands.

    Raises:
        Refused: with the reason that a dead letter would have.
    """
    value = line.strip()
    return decode_event(value), value


class Refusals:
    """Says on standard error which lines were refused: the first of them one by one, then how many more."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, number: int, reason: Refused | str) -> None:
        """Take note of a refused line, by its number from 1."""
        self.count += 1
        if self.count <= _MOST_SHOWN:
            say(f"line {number}: {reason}")

    def finish(self) -> None:
        """Say how many there were that nobody was told about."""
        if self.count > _MOST_SHOWN:
            say(f"and {self.count - _MOST_SHOWN} more lines were refused")
