"""Which accounts a target has disabled: marks that outlive the process, so that its locks are told from others'."""

from __future__ import annotations

import os
import re
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


class LockMarks:
    """One empty file a lock, named by its revocation, in a folder that only the owner may enter.

    A mark is set before the account is disabled: of a try whose answer was lost, by a crash of this process too,
    nothing else tells who has disabled it.

    Args:
        folder: made when the first mark is set.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __contains__(self, revocation_id: str) -> bool:
        """Return whether a lock was begun here."""
        return self._file(revocation_id).exists()

    def set(self, revocation_id: str) -> None:
        """Note that a lock is begun, and return once that is on the disk.

        Raises:
            OSError: the folder cannot be written.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file(revocation_id).touch(mode=0o600)
        # A new name is safe once its folder is.
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def clear(self, revocation_id: str) -> None:
        """Forget a lock that was undone."""
        self._file(revocation_id).unlink(missing_ok=True)

    def _file(self, revocation_id: str) -> Path:
        if not _NAME.fullmatch(revocation_id):
            raise ValueError("not the id of a revocation")
        return self._folder / revocation_id
