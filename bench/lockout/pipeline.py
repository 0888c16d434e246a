"""The pipeline in a process of its own: `python -m bench.lockout.pipeline FOLDER`, until standard input ends.

It prints one JSON object a line: that it is ready, and for each revocation when its batch arrived and was committed.
At its end it tells how many events it committed in each whole second, and how long the stages of those batches took.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

from bench.lockout.setting import CONFIGURATION
from ingest.batch import Batch
from sessionwatch.assembly import build
from sessionwatch.config import load
from sessionwatch.demo.standard_input import at_end_of_input
from sessionwatch.log import configure


class Watch:
    """Notes the instants of each batch."""

    def __init__(self) -> None:
        self.by_second: Counter[int] = Counter()
        self.stages: dict[str, list[int]] = defaultdict(list)
        self._took: dict[str, int] = {}
        self._committed_us = 0
        self._began_us = 0

    def probe(self, name: str) -> None:
        """Note when a stage is done; right after the commit the messages are handed to their lanes."""
        now_us = time.time_ns() // 1_000
        when, _, stage = name.partition(" ")
        if when == "before":
            self._began_us = now_us
        elif when == "after":
            self._took[stage] = now_us - self._began_us
        if name == "after commit":
            self._committed_us = now_us

    def watch(self, batch: Batch) -> None:
        """Tell of the revocations of a batch."""
        self.by_second[self._committed_us // 1_000_000] += len(batch.events)
        if batch.events:
            self.stages["any batch with events"].append(self._committed_us - batch.arrival_us)
        revoking = [message for message in batch.messages if message.kind == "session.revoked"]
        if revoking:
            for stage, took_us in self._took.items():
                self.stages[stage].append(took_us)
            for message in revoking:
                session = message.ordering_key.rpartition(":")[2]
                say(session=session, message=message.message_id, at=[batch.arrival_us, self._committed_us])


def say(**fact: object) -> None:
    """Print a JSON object."""
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run until told to stop."""
    configure("json")
    watch, stop = Watch(), threading.Event()
    running = build(load(Path(sys.argv[1]) / CONFIGURATION, environ={}), watch=watch.watch, probe=watch.probe)

    def end() -> None:
        stop.set()
        running.wake()

    at_end_of_input(end)
    try:
        say(ready=True)
        running.run(stop)
    finally:
        running.close()
    say(by_second=watch.by_second, stages=watch.stages)


if __name__ == "__main__":
    main()
