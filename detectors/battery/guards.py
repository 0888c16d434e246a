"""Guards: while they are up, the clock, files, sockets, processes and chance raise.

A rule that reads any of them would judge a replay otherwise than it judged live.
"""

from __future__ import annotations

import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

_REACHED_BY_AUDIT = (
    "open", "socket.", "subprocess.Popen", "os.", "shutil.", "sqlite3.", "urllib.", "ftplib.", "smtplib.", "http.",
)  # fmt: skip
"""What the interpreter tells its audit hooks of: whoever holds a reference of its own is caught all the same."""

_guarded_thread = 0
_hooked = False


class Forbidden(BaseException):
    """A rule reached for the world outside. No `Exception`: the engine's containment must not swallow it."""


@contextmanager
def guarded() -> Iterator[None]:
    """Make the clock, chance and every I/O raise `Forbidden` in this block."""
    global _guarded_thread
    _hook_once()
    with _patched():
        _guarded_thread = threading.get_ident()
        try:
            yield
        finally:
            _guarded_thread = 0


def _hook_once() -> None:
    # An audit hook can never be taken away again, so there is one, which looks only while the guards are up.
    global _hooked
    if not _hooked:
        sys.addaudithook(_look)
        _hooked = True


def _look(event: str, _arguments: tuple[object, ...]) -> None:
    if _is_guarded() and event.startswith(_REACHED_BY_AUDIT):
        raise Forbidden(f"reaches for {event}")


@contextmanager
def _patched() -> Iterator[None]:
    reached: list[tuple[Any, str]] = [
        *((time, name) for name in ("time", "time_ns", "monotonic", "monotonic_ns", "sleep", "localtime", "gmtime")),
        *((random, name) for name in ("random", "randrange", "randint", "choice", "shuffle", "uniform")),
        (socket, "socket"),
    ]
    patches = [
        patch.object(module, name, _refusal(f"{module.__name__}.{name}", getattr(module, name)))
        for module, name in reached
    ]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


def _is_guarded() -> bool:
    # Other threads go on with what they do.
    return threading.get_ident() == _guarded_thread


def _refusal(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def refuse(*arguments: object, **named: object) -> Any:
        if _is_guarded():
            raise Forbidden(f"calls {name}")
        return real(*arguments, **named)

    return refuse
