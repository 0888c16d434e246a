"""A pipeline in a process of its own that kills itself at a chosen point: ``python -m tests.faults.pipeline_process``.

A life ends there, or when everything that was produced is stored and everything that has to leave has left. Several
can be lived one after another. What is printed are JSON objects: the exit code of each, and what the last one used.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

import ingest.pipeline
from sessionwatch.assembly import Running, build
from sessionwatch.config import Settings, load
from sessionwatch.log import configure
from tests.faults.releases import Releases


class Ending:
    """Called at every hook: kills the process at the chosen one, and stops it when there is no more to do.

    Args:
        topic: what is read.
        records: how many records were produced.
        hook: where to kill, such as ``after decode``; empty = nowhere.
        call: at which call of that hook, from 1.
        after_s: kill so many seconds after the first poll, wherever that is; 0 = never.
        stall_s: stand still at the hook so many seconds first, and say how much memory is in use then.
    """

    def __init__(
        self, topic: str, records: int, *, hook: str = "", call: int = 1, after_s: float = 0.0, stall_s: float = 0.0
    ) -> None:
        self.stop = threading.Event()
        self._hook = hook
        self._call = call
        self._after_s = after_s
        self._stall_s = stall_s
        self._topic = topic
        self._records = records
        self._calls: Counter[str] = Counter()
        self._running: Running | None = None

    def watch_over(self, running: Running, releases: Releases) -> None:
        """From now on the end can be seen."""
        self._running = running
        self._reader = running.reader()
        self._releases = releases

    def __call__(self, hook: str) -> None:
        """Take note of a hook."""
        self._calls[hook] += 1
        if hook == self._hook and self._calls[hook] == self._call:
            if self._stall_s:
                time.sleep(self._stall_s)
                say(stalled_rss_bytes=psutil.Process().memory_info().rss)
            kill()
        if self._after_s and self._calls.total() == 1:
            threading.Timer(self._after_s, kill).start()
        if hook == "before poll" and self._running is not None and self._is_done():
            self.stop.set()
            self._running.wake()

    def _is_done(self) -> bool:
        _, positions = self._reader.positions(self._topic)
        if sum(positions.values()) < self._records or self._reader.pending_lanes():
            return False
        return not self._releases.due(self._reader)


def kill() -> None:
    """End this process as a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)


def say(**result: int) -> None:
    """Print a JSON object, whatever happens next."""
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Live the lives of the command line, one after another, each in a process of its own."""
    options = _parser().parse_args()
    ingest.pipeline.SNAPSHOT_EVERY_EVENTS = options.snapshot_every
    configure("json")
    settings = load(options.config)
    for life in options.lives:
        # Forked, because importing takes longer than most lives; nothing has been opened or started yet.
        child = os.fork()
        if not child:
            os._exit(_live(settings, life, options.records, options.release_every))
        _, status = os.waitpid(child, 0)
        say(exit=os.waitstatus_to_exitcode(status))


def _live(settings: Settings, life: str, records: int, release_every: int) -> int:
    ending = Ending(settings.kafka.events_topic, records, **_plan(life))
    try:
        running = build(settings, probe=ending)
        try:
            with Releases(running, release_every) as releases:
                ending.watch_over(running, releases)
                running.run(ending.stop)
        finally:
            running.close()
    except Exception:  # noqa: BLE001 - the border of a process
        traceback.print_exc()
        return 1
    say(peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    return 0


def _plan(life: str) -> dict[str, Any]:
    if life.startswith("@"):
        return {"after_s": float(life[1:])}
    hook, call, stall_s = re.fullmatch(r"([a-z ]+)@(\d+)(?:~([\d.]+))?", life).groups()  # type: ignore[union-attr]
    return {"hook": hook, "call": int(call), "stall_s": float(stall_s or 0)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pipeline_process", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument(
        "lives",
        nargs="+",
        help="killed at HOOK@CALL, there after a stall HOOK@CALL~SECONDS, or @SECONDS after the first poll; @0 = never",
    )
    parser.add_argument("--records", type=int, required=True, help="how many were produced")
    parser.add_argument("--release-every", type=int, default=0, help="people release one session in so many; 0 = none")
    parser.add_argument("--snapshot-every", type=int, default=200_000, help="events between two snapshots")
    return parser


if __name__ == "__main__":
    main()
