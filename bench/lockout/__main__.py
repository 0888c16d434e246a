"""`python -m bench.lockout [--thefts 200] [--rate 2000] [--json]`: median and p99 from a theft to the app's 401.

Everything is real and has a process of its own: a development broker, the demo's web app with the SDK and its
revocation list, a pipeline with its store, webhook and chat, and a producer that sends events all the time.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import IO, Any

import msgspec
from rich.console import Console
from rich.table import Table
from sessionwatch_emitter.keys import KeyRing, read_secret

from bench.lockout.figures import Leg, leg_of, legs
from bench.lockout.setting import BANK, CONFIGURATION, PARTITIONS, TOPIC, configuration
from bench.lockout.thieves import Thieves
from ingest.broker import DevelopmentBroker
from ingest.topics import ensure_topic
from sessionwatch.demo.chat_room import ChatRoom
from sessionwatch.demo.child import Child
from sessionwatch.demo.folder import Folder
from sessionwatch.demo.webapp.accounts import Accounts
from sessionwatch.demo.webapp.order import AppOrder
from store.alert_search import LATEST_US
from store.database import Database
from store.revocation_search import RevocationFilter

READY_S = 30.0
WARM_UP_S = 10.0
PEOPLE_A_THEFT = 4
"""A rule may end a half of the sessions that are live, and each theft leaves one fewer."""
MISSES_SHOWN = 5
MOST_ALERTS = 10_000


class Measurement:
    """What the parts have told.

    Attributes:
        committed: by session the id of its message, when its batch arrived and was committed.
        received: by id of the message when it arrived first.
        sent, stored: events by second, of the load and of the pipeline.
        stages: of the pipeline's batches that revoke.
    """

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.committed: dict[str, tuple[str, int, int]] = {}
        self.received: dict[str, int] = {}
        self.sent: dict[int, int] = {}
        self.stored: dict[int, int] = {}
        self.stages: list[Leg] = []

    def of_pipeline(self, fact: dict[str, Any]) -> None:
        """Take what the pipeline says."""
        if "session" in fact:
            self.committed.setdefault(fact["session"], (fact["message"], *fact["at"]))
        elif "by_second" in fact:
            self.stored = {int(second): number for second, number in fact["by_second"].items()}
            self.stages = [leg_of(name, times) for name, times in fact["stages"].items() if name != "poll"]
        else:
            self.ready.set()

    def of_app(self, fact: dict[str, Any]) -> None:
        """Take what the app says."""
        self.received.setdefault(fact["message"], fact["at_us"])

    def of_load(self, fact: dict[str, Any]) -> None:
        """Take what the load says."""
        self.sent = {int(second): number for second, number in fact.items()}


@dataclass(frozen=True)
class Measured:
    """What a run has shown.

    Attributes:
        legs: of the way from theft to 401.
        stages: of the batches that revoke.
        load: events and people that there were.
        missed: what the store knows of each theft without an end.
    """

    legs: list[Leg]
    stages: list[Leg]
    load: dict[str, float]
    missed: list[str]


def measure(thefts: int, rate: int, a_second: float, every_s: float) -> Measured:
    """Return what a run shows.

    Args:
        thefts: how many sessions are stolen.
        rate: events a second that arrive meanwhile.
        a_second: thefts a second, on average.
        every_s: how long between two requests of a thief.
    """
    found = Measurement()
    with ExitStack() as parts:
        folder = parts.enter_context(Folder())
        broker = parts.enter_context(DevelopmentBroker())
        ensure_topic({"bootstrap_servers": broker.bootstrap_servers}, TOPIC, PARTITIONS)
        listener = parts.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        port = listener.getsockname()[1]
        people = {f"user{number}": secrets.token_urlsafe(8) for number in range(PEOPLE_A_THEFT * thefts)}
        order = _prepare(folder, broker.bootstrap_servers, port, people, parts.enter_context(ChatRoom(_hear)).url)
        app = _start(parts, folder, "app", found.of_app, str(order), str(listener.fileno()), listener=listener)
        pipeline = _start(parts, folder, "pipeline", found.of_pipeline, str(folder.path))
        if not found.ready.wait(READY_S):
            raise RuntimeError("the pipeline did not start: " + folder.log.read_text()[-2_000:])
        load = _start(parts, folder, "load", found.of_load, broker.bootstrap_servers, str(rate))
        thieves = Thieves(port, KeyRing(BANK, read_secret(folder.path / f"{BANK}.key")), every_s)
        cookies = [thieves.sign_in(*person, number) for number, person in enumerate(people.items())]
        time.sleep(WARM_UP_S)
        began_s = time.time()
        thieves.steal(cookies[:thefts], a_second)
        ended_s = time.time()
        for part in (load, pipeline, app):
            part.end()
        missed = [_known(folder, theft.session) for theft in thieves.thefts if theft.refused_us is None]
    # Whole seconds, and one of them at least.
    within = range(int(began_s) + 1, max(int(ended_s), int(began_s) + 2))
    ways = legs(thieves.thefts, found.committed, found.received)
    return Measured(ways, found.stages, _load(found, within, len(people), thefts), missed)


def _known(folder: Folder, session: str) -> str:
    with Database.open(folder.path / "sessionwatch.duckdb", read_only=True) as database:
        reader = database.reader()
        events = reader.timeline(BANK, session, 0, LATEST_US)
        alerts = reader.alerts(app=[BANK], limit=MOST_ALERTS)
        revocations = reader.revocation_page(RevocationFilter(apps=[BANK], subject=session))
    found = {
        "events": [f"{one.type} from {one.ip}" for one in events],
        "alerts": [one.rule_id for one in alerts if one.session_id == session],
        "revocations": [f"{one.state} ({one.note})" for one, _ in revocations],
    }
    return "; ".join(f"{what}: {', '.join(texts) or 'none'}" for what, texts in found.items())


def _load(found: Measurement, seconds: range, people: int, thefts: int) -> dict[str, float]:
    sent = [found.sent.get(second, 0) for second in seconds]
    stored = [found.stored.get(second, 0) for second in seconds]
    return {
        "seconds": len(seconds),
        "sent_a_second": sum(sent) / len(sent),
        "sent_in_the_slowest_second": min(sent),
        "stored_a_second": sum(stored) / len(stored),
        "stored_in_the_slowest_second": min(stored),
        "people": people,
        "thefts": thefts,
    }


class Part:
    """A process, and the thread that reads what it tells."""

    def __init__(self, child: Child, take: Callable[[dict[str, Any]], None]) -> None:
        self._child = child
        self._reading = threading.Thread(target=_read, args=(child.output, take), daemon=True)
        self._reading.start()

    def end(self) -> None:
        """Close its standard input, and take what it says at its end."""
        self._child.end_input()
        self._reading.join(READY_S)


def _read(output: IO[bytes], take: Callable[[dict[str, Any]], None]) -> None:
    for line in output:
        take(json.loads(line))


def _start(
    parts: ExitStack,
    folder: Folder,
    name: str,
    take: Callable[[dict[str, Any]], None],
    *arguments: str,
    listener: socket.socket | None = None,
) -> Part:
    descriptor = None if listener is None else listener.fileno()
    child = Child(name, f"bench.lockout.{name}", *arguments, log=folder.log, descriptor=descriptor)
    return Part(parts.enter_context(child), take)


def _prepare(folder: Folder, servers: str, port: int, people: dict[str, str], chat_url: str) -> str:
    folder.make_secrets(BANK)
    folder.write("chat.url", chat_url + "\n")
    folder.write(CONFIGURATION, configuration(servers, f"http://127.0.0.1:{port}"))
    path = folder.path
    Accounts.create(path / f"{BANK}.sqlite", people.items())
    order = AppOrder(
        name=BANK,
        ends_sessions=True,
        bootstrap_servers=servers,
        accounts=str(path / f"{BANK}.sqlite"),
        revocations=str(path / f"{BANK}-revocations.sqlite"),
        secret_file=str(path / f"{BANK}.key"),
        webhook_secret_file=str(path / f"{BANK}.whsec"),
        scratch=str(path),
    )
    return str(folder.write(f"{BANK}.json", msgspec.json.encode(order)))


def _hear(_text: str) -> None:
    """Take a chat message, as a chat does."""


def show(measured: Measured) -> None:
    """Print the tables."""
    load, console = measured.load, Console()
    title = f"{load['thefts']:.0f} thefts under {load['sent_a_second']:,.0f} events/s, milliseconds"
    console.print(_table(title, "way", measured.legs))
    console.print(_table("a batch that revokes, milliseconds", "stage", measured.stages))
    console.print(
        f"load over {load['seconds']:.0f} s: sent {load['sent_a_second']:,.0f} events/s, "
        f"in the slowest second {load['sent_in_the_slowest_second']:,.0f}; stored {load['stored_a_second']:,.0f}, "
        f"in the slowest second {load['stored_in_the_slowest_second']:,.0f}",
        soft_wrap=True,
    )
    if measured.missed:
        console.print(f"{len(measured.missed)} thefts were not stopped, such as:")
    for theft in measured.missed[:MISSES_SHOWN]:
        console.print(theft, soft_wrap=True, markup=False, highlight=False)


def _table(title: str, what: str, rows: list[Leg]) -> Table:
    table = Table(title=title)
    for column in (what, "median", "p99", "worst"):
        table.add_column(column, justify="left" if column == what else "right")
    for row in rows:
        table.add_row(row.name, *(_shown(time_ms) for time_ms in (row.median_ms, row.p99_ms, row.worst_ms)))
    return table


def _shown(time_ms: float) -> str:
    return "never" if math.isinf(time_ms) else f"{time_ms:,.1f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.lockout", description=__doc__)
    parser.add_argument("--thefts", type=int, default=200, help="how many sessions are stolen (200)")
    parser.add_argument("--rate", type=int, default=2_000, help="events a second meanwhile (2000)")
    parser.add_argument("--a-second", type=float, default=2.0, help="thefts a second (2)")
    parser.add_argument("--every-ms", type=float, default=10.0, help="between two requests of a thief (10)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    measured = measure(options.thefts, options.rate, options.a_second, options.every_ms / 1e3)
    if options.json:
        # JSON knows no infinity: what never came is null.
        text = json.dumps({**asdict(measured), "cores": os.cpu_count()}).replace("Infinity", "null")
        print(json.dumps(json.loads(text), indent=2))
    else:
        show(measured)


if __name__ == "__main__":
    main()
