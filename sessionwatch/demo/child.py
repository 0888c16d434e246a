"""A process of the demo's own: started with our import path, ended with its standard input."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from sessionwatch.demo.errors import DemoError

STOP_S = 3.0


class Child:
    """`python -m MODULE ARGUMENTS`, whose standard input and output belong to the demo.

    Args:
        name: for messages.
        module: what it runs.
        arguments: for it.
        log: where its standard error goes.
        descriptor: a socket that it inherits.

    Raises:
        DemoError: it cannot be started.
    """

    def __init__(self, name: str, module: str, *arguments: str, log: Path, descriptor: int | None = None) -> None:
        self.name = name
        # The parent's import path, and not the working directory: it may belong to somebody else.
        path = os.pathsep.join(entry for entry in sys.path if entry)
        with log.open("ab") as errors:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", module, *arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env=os.environ | {"PYTHONPATH": path},
                    pass_fds=() if descriptor is None else (descriptor,),
                    # Ctrl-C reaches the demo alone, which ends its processes in order.
                    start_new_session=True,
                )
            except OSError as error:
                raise DemoError(f"{name} cannot be started: {error.strerror}") from error

    @property
    def output(self) -> IO[bytes]:
        """Its standard output."""
        assert self._process.stdout is not None
        return self._process.stdout

    def order(self, line: bytes) -> None:
        """Write a line to its standard input.

        Raises:
            DemoError: it has ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise DemoError(f"{self.name} has ended") from error

    def end_input(self) -> None:
        """Close its standard input, at which every part ends by itself."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def check(self) -> None:
        """Raise DemoError if it has ended by itself."""
        code = self._process.poll()
        if code is not None:
            raise DemoError(f"{self.name} has ended by itself ({code})")

    def ask_to_end(self) -> None:
        """Ask it to end, and do not wait."""
        if self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """End it, with its own processes if it does not do so itself."""
        process = self._process
        self.ask_to_end()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
