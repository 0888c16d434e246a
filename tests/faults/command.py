"""`sessionwatch run` as an operator starts it: what it logs, what it measures, how it ends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from tests.faults.rig import environment

READY_S = 20.0


class RunCommand:
    """A running `sessionwatch run`; ended for good when its block ends."""

    def __init__(self, config: Path) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sessionwatch", "run", "--config", str(config)],
            cwd=config.parent, env=environment(), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines of an event."""
        logged = (json.loads(line) for line in list(self.lines) if line.startswith("{"))
        return [line for line in logged if line["event"] == event]

    def told(self) -> list[str]:
        """Return what stands on standard error apart from the log."""
        return [line for line in self.lines if not line.startswith("{")]

    def until(self, true: Callable[[], object], within_s: float = 15.0) -> None:
        """Wait until something is true; it may not end meanwhile."""
        deadline = time.monotonic() + within_s
        while not true():
            assert self._process.poll() is None, "\n".join(["it has ended", *self.lines])
            assert time.monotonic() < deadline, "\n".join(["it did not become true in time", *self.lines])
            time.sleep(0.02)

    def metric(self, name: str) -> float:
        """Return a metric, summed over its labels."""
        text = self._get("/metrics").text
        values = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)
        return sum(map(float, values))

    def is_ready(self) -> bool:
        """Return what `/readyz` says."""
        return self._get("/readyz").status_code == 200

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self, within_s: float) -> int:
        """Wait for its end; return the exit code."""
        code = self._process.wait(within_s)
        self._reading.join(5)
        return code

    def _get(self, path: str) -> httpx.Response:
        (line,) = self.said("pipeline ready")
        return httpx.get(f"http://127.0.0.1:{line['api_port']}{path}", timeout=5)

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append(line.rstrip("\n"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reading.join(5)
        assert self._process.stderr is not None
        self._process.stderr.close()


@contextmanager
def running(config: Path) -> Iterator[RunCommand]:
    """Start it, and go on when it says that it is ready."""
    with RunCommand(config) as command:
        command.until(lambda: command.said("pipeline ready"), READY_S)
        yield command
