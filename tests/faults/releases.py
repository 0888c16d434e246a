"""People who find while the pipeline runs that some revocations were wrong, and take them back."""

from __future__ import annotations

import threading
import zlib
from typing import Self

from response.commands import Release
from schemas.revocation import Revocation
from sessionwatch.assembly import Running
from store.reader import Reader

_LOOK_S = 0.1


class Releases:
    """Releases one session in so many: every other of them as soon as it is seen, the rest once it is delivered.

    Args:
        running: the pipeline.
        every: one in so many; 0 = none.
    """

    def __init__(self, running: Running, every: int) -> None:
        self._running = running
        self._every = every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        if self._every:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        if self._every:
            self._thread.join()

    def due(self, reader: Reader) -> list[Revocation]:
        """Return what is to be released and is not yet."""
        if not self._every:
            return []
        sent = (row for row in reader.revocations_since(0) if row.state in ("sent", "delivered", "failed"))
        return [row for row in sent if is_wrong(row.subject, self._every)]

    def _run(self) -> None:
        reader, asked = self._running.reader(), set[str]()
        while not self._stopping.wait(_LOOK_S):
            for row in self.due(reader):
                if row.revocation_id not in asked and (row.state != "sent" or is_wrong(row.subject, 2 * self._every)):
                    asked.add(row.revocation_id)
                    self._running.inbox.submit(Release(row.revocation_id, "ada", "it was she"))


def is_wrong(session_id: str, every: int) -> bool:
    """Return whether people say that this session's revocation was wrong."""
    return zlib.crc32(session_id.encode()) % every == 0
