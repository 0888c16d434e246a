"""The one way to the writer: typed commands from delivery lanes, API and timers, applied in the next transaction."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field


@dataclass(slots=True)
class Submission:
    """A command on its way, and the future that is answered after its commit: empty, or why it was refused."""

    command: object
    committed: Future[str] = field(default_factory=Future)


class Inbox:
    """A bounded queue into the batch loop.

    Args:
        wake: makes the loop look, from any thread.
        bound: commands that may wait; then `submit` blocks, which slows the sender and not the memory.
    """

    def __init__(self, wake: Callable[[], None], bound: int = 10_000) -> None:
        self._queue: queue.Queue[Submission] = queue.Queue(bound)
        self._wake = wake

    def submit(self, command: object, timeout_s: float | None = None) -> Future[str]:
        """Hand in a command from any thread.

        Args:
            command: a typed request that the respond stage knows.
            timeout_s: how long to wait for room, in seconds; None = as long as it takes.

        Returns:
            a future that is done once the command's transaction is committed: an empty text, or why the command was
            refused (which the audit log says too).

        Raises:
            queue.Full: no room within the timeout.
        """
        submission = Submission(command)
        self._queue.put(submission, timeout=timeout_s)
        self._wake()
        return submission.committed

    def close(self) -> None:
        """Cancel what still waits, once the loop has ended: nobody will apply it."""
        for submission in self.take():
            submission.committed.cancel()

    def take(self) -> list[Submission]:
        """Return what waits, for the loop alone."""
        taken = []
        for _ in range(self._queue.qsize()):
            try:
                taken.append(self._queue.get_nowait())
            except queue.Empty:  # pragma: no cover - the loop is the only taker
                break
        return taken
