"""The way to the one writer: a command, and the answer after its commit."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import CancelledError, Future

from sessionwatch.api.problem import Refusal

ROOM_S = 2.0
COMMIT_S = 10.0
"""A batch takes milliseconds; a pipeline that reads a backlog in large ones takes a second or two."""


class Acts:
    """Hands commands to the pipeline.

    Args:
        submit: the pipeline's inbox.
    """

    def __init__(self, submit: Callable[[object, float], Future[str]]) -> None:
        self._submit = submit

    def do(self, command: object) -> None:
        """Have a command applied, and return once it is committed.

        Raises:
            Refusal: 409, it was refused, and why; 503, there is no room, or no commit within 10 seconds.
        """
        try:
            refusal = self._submit(command, ROOM_S).result(COMMIT_S)
        except queue.Full:
            raise Refusal(503, "the pipeline has too much to do; nothing was done", {"retry-after": "5"}) from None
        except CancelledError:
            raise Refusal(503, "the pipeline is ending; nothing was done", {"retry-after": "10"}) from None
        except TimeoutError:
            raise Refusal(
                503,
                f"not committed within {COMMIT_S:g} s: it may still happen, so look before asking again",
                {"retry-after": "10"},
            ) from None
        if refusal:
            raise Refusal(409, refusal)
