"""Marks of files: by which one that was written or replaced is told from what it was."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def marks_of(paths: Iterable[Path]) -> tuple[object, ...]:
    """Return what is another value once one of these files was written or replaced."""
    return tuple(_mark(path) for path in paths)


def _mark(path: Path) -> tuple[int, ...]:
    try:
        # Followed: secrets that an orchestrator mounts are links that it points elsewhere.
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
