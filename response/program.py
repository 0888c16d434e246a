"""Running a local program: an argument list and never a shell, JSON on its standard input, a hard deadline."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

from response.errors import TargetRefused

MAX_OUTPUT_BYTES = 64 * 1024

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
"""All that a program gets of an environment: the pipeline's own may hold secrets."""

_LAST_WORDS_S = 1.0


class Finished(msgspec.Struct, frozen=True):
    """How a program ended.

    Attributes:
        code: its exit code; negative where a signal ended it.
        output: what it wrote to its standard output, where that was asked for.
    """

    code: int
    output: bytes


class ProgramFailed(Exception):
    """A program could not be started, did not end in time or wrote too much; the text says which."""


def check_program(command: Sequence[str]) -> tuple[str, ...]:
    """Return an argument list that can be run.

    Args:
        command: the program's absolute path and its arguments.

    Raises:
        TargetRefused: no path, no program there, or one that anybody may replace.
    """
    if not command or not Path(command[0]).is_absolute():
        raise TargetRefused("a command begins with the absolute path of a program")
    if any("\0" in argument for argument in command):
        raise TargetRefused("an argument holds a null character")
    path = Path(command[0])
    if not path.is_file() or not os.access(path, os.X_OK):
        raise TargetRefused(f"{path} is no program that can be run")
    if path.stat().st_mode & stat.S_IWOTH:
        raise TargetRefused(f"everybody may write to {path}: chmod o-w")
    return tuple(command)


def run(command: Sequence[str], document: object, deadline_s: float, *, wants_output: bool = False) -> Finished:
    """Run a program to its end, with a JSON document on its standard input.

    What it writes to standard error is not kept: it may quote what it was given. After the deadline it is killed
    with everything that it has started in its process group.

    Args:
        command: the program's absolute path and its arguments.
        document: what it is to read; None = nothing.
        deadline_s: how long it may take, seconds.
        wants_output: its standard output is wanted.

    Raises:
        ProgramFailed: it cannot be started, is too slow, or writes more than 64 KiB.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if document is None else subprocess.PIPE,
            stdout=subprocess.PIPE if wants_output else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ProgramFailed(f"the program cannot be started: {reason}") from error
    with process:
        try:
            text = None if document is None else msgspec.json.encode(document) + b"\n"
            output, _ = process.communicate(text, timeout=deadline_s)
        except subprocess.TimeoutExpired as late:
            _kill(process)
            raise ProgramFailed(f"the program did not end within {deadline_s:g} s") from late
    if len(output or b"") > MAX_OUTPUT_BYTES:
        raise ProgramFailed(f"the program wrote more than {MAX_OUTPUT_BYTES} bytes")
    return Finished(process.returncode, output or b"")


def _kill(process: subprocess.Popen[bytes]) -> None:
    # It may have ended, and left something behind that holds its output.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # Not `communicate`: who has left the process group may keep the pipes open for as long as it likes.
    process.wait(_LAST_WORDS_S)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
