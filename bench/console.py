"""`python -m bench.console [EVENTS] [ALERTS]`: how fast the console is over a full store, and what it costs.

A real pipeline reads the events from a development broker, 500 more arrive every second, and chromium is the analyst.
All of it shares the machine, as in a small installation.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil

from ingest.broker import DevelopmentBroker
from schemas.instant import to_rfc3339
from sessionwatch.assembly import now_us
from store.reader import Reader
from tests.browser.conftest import CHROMIUM_OPTIONS
from tests.browser.rig import ANALYST, Stage, eventually, stage
from tests.browser.story import CHROME, FIREFOX, story

FIRST_VIEW_S = 2.5
KEY_TO_PANEL_S = 0.25
THROUGHPUT_LOSS = 0.10
"""The most that a reload and a key may take."""

PER_SECOND = 500
CHUNK = 20_000
BURST, BURSTS = 40_000, 3
VIEWS, KEYS = 5, 40
SESSIONS = 25_000

_CHANGED = "before => document.querySelector('.st-key-panel')?.innerText.split('\\n').slice(0, 6).join('|') !== before"
_READ = "() => document.querySelector('.st-key-panel').innerText.split('\\n').slice(0, 6).join('|')"


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    alerts = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000
    from playwright.sync_api import sync_playwright

    with (
        tempfile.TemporaryDirectory() as folder,
        DevelopmentBroker() as broker,
        stage(Path(folder), broker.bootstrap_servers, story().events) as watched,
        sync_playwright() as playwright,
    ):
        fill(watched, count, alerts)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(CHROMIUM_OPTIONS))
        with arriving(watched):
            views = [first_view(browser, watched) for _ in range(VIEWS)]
            page = open_page(browser, watched)
            keys = [key_to_panel(page) for _ in range(KEYS)]
        page.context.close()
        alone = statistics.median(throughput(watched) for _ in range(BURSTS))
        pages = [open_page(browser, watched), open_page(browser, watched)]
        with cpu() as used:
            beside = statistics.median(throughput(watched) for _ in range(BURSTS))
        for page in pages:
            page.context.close()
        browser.close()
    loss = 1 - beside / alone
    print(f"store: {count:,} events, {alerts:,} alerts; {PER_SECOND} events/s arriving")
    print(f"first view:      median {statistics.median(views):.2f} s, worst {max(views):.2f} s "
          f"(budget {FIRST_VIEW_S} s)")  # fmt: skip
    print(f"key to panel:    median {statistics.median(keys) * 1_000:.0f} ms, p95 {p95(keys) * 1_000:.0f} ms "
          f"(budget {KEY_TO_PANEL_S * 1_000:.0f} ms)")  # fmt: skip
    print(f"throughput:      {alone:,.0f} events/s alone, {beside:,.0f} with two consoles open: "
          f"{loss:+.0%} (budget {THROUGHPUT_LOSS:.0%})")  # fmt: skip

    shares = ", ".join(f"{name} {cores:.2f}" for name, cores in used.items())
    print(f"cores meanwhile: {shares}")


def p95(values: list[float]) -> float:
    """Return the value that 95 of 100 stay under."""
    return sorted(values)[int(len(values) * 0.95) - 1]


def fill(watched: Stage, count: int, alerts: int) -> None:
    """Have the pipeline read so many events, in chunks, and raise so many alerts."""
    start = datetime.now(UTC) - timedelta(hours=20)
    reader = watched.running.reader() if watched.running else None
    assert reader is not None
    sent = reader.counts()["events"]
    for chunk in chunks(start, count, alerts):
        watched.say(*chunk)
        sent += len(chunk)
        wait_for(reader, sent - CHUNK)
    wait_for(reader, sent)


def wait_for(reader: Reader, events: int) -> None:
    """Wait until so many events are committed."""
    eventually(lambda: reader.counts()["events"] >= events, within_s=300)


def chunks(start: datetime, count: int, alerts: int) -> Iterator[list[dict[str, object]]]:
    """Thefts first, then ordinary use spread over the hours since."""
    thefts: list[dict[str, object]] = []
    for number in range(alerts):
        session, user, at = f"s_k1_theft{number}", f"victim{number}", start + timedelta(seconds=number)
        thefts += [
            wire("create", at, session, user, "203.0.113.5", FIREFOX, number * 3),
            wire("validate", at + timedelta(seconds=20), session, user, "198.51.100.9", FIREFOX, number * 3 + 1),
        ]
    for place in range(0, len(thefts), CHUNK):
        yield thefts[place : place + CHUNK]
    step = timedelta(hours=19) / max(1, count)
    for place in range(0, count, CHUNK):
        yield [
            wire("validate", start + timedelta(hours=1) + step * number, f"s_k1_use{number % SESSIONS}",
                 f"user{number % SESSIONS}", "192.0.2.10", CHROME, 10_000_000 + number)
            for number in range(place, min(place + CHUNK, count))
        ]  # fmt: skip


def wire(kind: str, at: datetime, session: str, user: str, ip: str, agent: str, number: int) -> dict[str, object]:
    """An event in the wire's format."""
    return {
        "schema_version": 1, "event_id": str(UUID(int=number, version=4)), "type": kind, "app": "shop",
        "event_time": to_rfc3339(int(at.timestamp() * 1_000_000)), "session_id": session, "user_id": user, "ip": ip,
        "user_agent": agent, "reason": "login" if kind == "create" else "request",
    }  # fmt: skip


@contextmanager
def arriving(watched: Stage) -> Iterator[None]:
    """Let events arrive at a steady rate meanwhile."""
    stop = threading.Event()

    def produce() -> None:
        number = 1_000_000_000
        while not stop.wait(0.1):
            now = datetime.fromtimestamp(now_us() / 1e6, UTC)
            watched.say(*(
                wire("validate", now, f"s_k1_use{(number + one) % SESSIONS}", f"user{(number + one) % SESSIONS}",
                     "192.0.2.10", CHROME, number + one)
                for one in range(PER_SECOND // 10)
            ))  # fmt: skip
            number += PER_SECOND // 10

    thread = threading.Thread(target=produce)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def open_page(browser: Any, watched: Stage) -> Any:
    """Return the alerts page of somebody who has signed in."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(watched.console_url)
    page.get_by_label("Token", exact=True).fill(ANALYST)
    page.keyboard.press("Enter")
    page.locator(".row").first.wait_for(timeout=60_000)
    page.locator(".st-key-panel .sw-title").wait_for()
    return page


def first_view(browser: Any, watched: Stage) -> float:
    """Return the seconds from asking for the page to queue and panel, for somebody who is signed in."""
    page = open_page(browser, watched)
    began = time.perf_counter()
    page.reload(wait_until="commit")
    page.locator(".row").first.wait_for()
    page.locator(".st-key-panel .sw-title").wait_for()
    took = time.perf_counter() - began
    page.context.close()
    return took


def key_to_panel(page: Any) -> float:
    """Return the seconds from J to the panel of the next alert."""
    before = page.evaluate(_READ)
    began = time.perf_counter()
    page.locator("body").press("j")
    page.wait_for_function(_CHANGED, arg=before, polling="raf")
    return time.perf_counter() - began


@contextmanager
def cpu() -> Iterator[dict[str, float]]:
    """Measure what the block takes: cores of the console's process, of the browser, and of this one (the pipeline)."""
    me = psutil.Process()
    groups = {"pipeline": [me], "console": [], "browser": []}
    for child in me.children(recursive=True):
        groups["console" if "streamlit" in " ".join(child.cmdline()) else "browser"].append(child)
    before = {name: spent(processes) for name, processes in groups.items()}
    began, used = time.perf_counter(), dict[str, float]()
    yield used
    took = time.perf_counter() - began
    used.update({name: (spent(processes) - before[name]) / took for name, processes in groups.items()})


def spent(processes: list[psutil.Process]) -> float:
    """Return the CPU seconds of processes."""
    times = [process.cpu_times() for process in processes if process.is_running()]
    return sum(one.user + one.system for one in times)


def throughput(watched: Stage) -> float:
    """Return how many events a second the pipeline reads and commits of a burst."""
    assert watched.running is not None
    reader = watched.running.reader()
    before = reader.counts()["events"]
    number = int(time.time() * 1_000) * 1_000
    burst = [
        wire("validate", datetime.now(UTC), f"s_k1_use{one % SESSIONS}", f"user{one % SESSIONS}", "192.0.2.10", CHROME,
             number + one)
        for one in range(BURST)
    ]  # fmt: skip
    watched.say(*burst)
    began = time.perf_counter()
    left = BURST - (reader.counts()["events"] - before)
    eventually(lambda: reader.counts()["events"] >= before + BURST, within_s=120)
    return max(1, left) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
