"""Runs the demo: has sessions stolen, and says what became of them."""

from __future__ import annotations

import itertools
import os
import queue
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

from rich.console import Console

from sessionwatch.commands.terminal import print_json
from sessionwatch.demo.configuration import SUMMARY
from sessionwatch.demo.errors import DemoError
from sessionwatch.demo.folder import Folder
from sessionwatch.demo.narrator import Narrator
from sessionwatch.demo.report import failures, others_ended, report
from sessionwatch.demo.stage import APPS, Stage
from sessionwatch.demo.story import Happening, Story
from sessionwatch.demo.thieves import THEFTS
from sessionwatch.demo.watched import Totals
from sessionwatch.log import configure

ARRIVAL_S = 20.0
THEFT_S = 15.0
"""How long a theft may take before the demo gives it up."""
PAUSE_ONCE_S = 0.3
AFTERWARDS_S = 2.0
PAUSE_FIRST_S = 4.0
PAUSE_LATER_S = 20.0
"""After a theft: short while the three kinds are shown for the first time."""
_LOOK_S = 0.2

_WHAT = "broker, pipeline, two web apps, twenty people, three thieves: all real, all on this machine."


def run_demo(*, once: bool, as_json: bool, debug: bool) -> int:
    """Run the demo until Ctrl-C, or once; return the exit code.

    Args:
        once: three thefts, and end.
        as_json: one JSON object on standard output at the end; the story goes to standard error.
        debug: log to standard error instead of a file.

    Raises:
        DemoError: a part failed, or what was to be shown was not; BrokerError, SourceError, StoreError,
            ResponseError: a part does not start. Each in one line.
    """
    # Requests to loopback must not pass through a proxy of this machine: Apprise asks the environment.
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1"
    narrator = Narrator(Console(stderr=as_json))
    with Folder() as folder, _interruptible(), _logging(folder, debug=debug):
        try:
            return _Demo(folder, narrator, once=once).run(as_json=as_json)
        except Exception:
            kept = folder.keep_log()
            if kept is not None:
                narrator.note(f"The log of the demo's parts is kept: {kept}")
            raise
        finally:
            narrator.quiet()


class _Demo:
    """One run: through once, or on until Ctrl-C with a console to look at."""

    def __init__(self, folder: Folder, narrator: Narrator, *, once: bool) -> None:
        self._once = once
        self._narrator = narrator
        self._story = Story(narrator)
        self._happenings: queue.SimpleQueue[Happening] = queue.SimpleQueue()
        self._stage = Stage(folder, self._happenings.put, with_console=not once)
        self._look_at = 0.0

    def run(self, *, as_json: bool) -> int:
        """Show it; return the exit code."""
        self._narrator.begin(_WHAT, SUMMARY)
        with ExitStack() as stack:
            try:
                stack.enter_context(self._stage)
                self._gather()
                if self._once:
                    self._steal_once()
                else:
                    self._steal_on()
            except KeyboardInterrupt:
                if self._once:
                    raise DemoError("interrupted before its end") from None
                self._narrator.end("Ending ...")
            totals = self._count()
        if as_json:
            print_json(report(self._story, totals))
        self._narrator.end(*self._summary(totals))
        found = failures(self._story, totals, len(THEFTS)) if self._once else []
        if found:
            raise DemoError("the demo has not shown what it was to show: " + "; ".join(found))
        return 0

    def _gather(self) -> None:
        """Wait until everybody has a session that the pipeline knows."""
        people = self._stage.people
        if not self._until(lambda: self._story.begun >= people, ARRIVAL_S):
            raise DemoError(f"only {self._story.begun} of {people} people have signed in")
        self._narrator.ready(people, " and ".join(APPS))
        link = self._stage.console_link()
        if link is not None:
            self._narrator.console(link)

    def _steal_once(self) -> None:
        for number, theft in enumerate(THEFTS, 1):
            self._stage.steal(number, theft)
            self._until(lambda number=number: self._story.finished(number), THEFT_S)  # type: ignore[misc]
            self._until(_never, PAUSE_ONCE_S)
        # The others browse on, so that whoever is logged out for nothing has the time to be.
        self._until(_never, AFTERWARDS_S)

    def _steal_on(self) -> None:
        for number, theft in enumerate(itertools.cycle(THEFTS), 1):
            self._stage.steal(number, theft)
            self._until(lambda number=number: self._story.finished(number), THEFT_S)  # type: ignore[misc]
            attack = self._story.attacks.get(number)
            if attack is not None and attack.held:
                self._narrator.note("The guard has spent this hour's budget, as it should: no more thefts in this run.")
                self._until(_never)
            if number == len(THEFTS):
                self._narrator.note(f"From now on a theft every {PAUSE_LATER_S:.0f} s; Ctrl-C ends it all.")
            self._until(_never, PAUSE_FIRST_S if number < len(THEFTS) else PAUSE_LATER_S)

    def _count(self) -> Totals:
        """Send everybody away, and count what is stored. Ctrl-C may have come before anything was."""
        if not self._stage.is_set:
            return Totals()
        self._stage.empty()
        while not self._happenings.empty():
            self._story.take(self._happenings.get())
        return self._stage.totals()

    def _summary(self, totals: Totals) -> tuple[str, str]:
        story = self._story
        median_ms = story.median_lock_out_ms()
        taken = f"sessions: {len(story.attacks)} stolen, {story.ended} taken away"
        speed = "" if median_ms is None else f", the thief out after {median_ms:.0f} ms (median)"
        others = len(others_ended(story, totals)) or "none"
        return (
            f"{taken}{speed}; sessions of others ended: {others}.",
            f"{totals.events} events, {totals.alerts} alerts, {totals.dead_letters} dead letters; "
            "everything of the demo is deleted.",
        )

    def _until(self, holds: Callable[[], bool], timeout_s: float = float("inf")) -> bool:
        """Take what happens until a condition holds; say whether it did within the time."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            now = time.monotonic()
            if now >= deadline:
                return False
            if now >= self._look_at:
                self._look_at = now + _LOOK_S
                self._stage.check()
                self._narrator.counting(self._counts())
            with suppress(queue.Empty):
                self._story.take(self._happenings.get(timeout=min(deadline - now, _LOOK_S)))
        return True

    def _counts(self) -> str:
        story = self._story
        stolen = f"{len(story.attacks)} stolen, {story.ended} taken away"
        return f"{self._stage.people} people browse, {story.events} events, {stolen}. Ctrl-C ends it."


def _never() -> bool:
    return False


@contextmanager
def _logging(folder: Folder, *, debug: bool) -> Iterator[None]:
    """Log to the folder, so that the terminal belongs to the story."""
    if debug:
        configure(debug=True)
        yield
        return
    with folder.log.open("a", encoding="utf-8") as stream:
        configure("json", stream=stream)
        try:
            yield
        finally:
            configure()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Take SIGTERM like Ctrl-C, and only the first of them: half an end would leave processes behind."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
