"""Everything that the demo consists of, started in order and ended in the reverse one."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import IO, Self

import msgspec

from ingest.broker import DevelopmentBroker
from ingest.topics import ensure_topic
from sessionwatch.config import Settings, load
from sessionwatch.demo.chat_room import ChatRoom
from sessionwatch.demo.child import Child
from sessionwatch.demo.configuration import configuration
from sessionwatch.demo.errors import DemoError
from sessionwatch.demo.facts import CrowdFact, CrowdOrder, Steal, Trouble, now_us
from sessionwatch.demo.folder import Folder
from sessionwatch.demo.people import population
from sessionwatch.demo.story import Happening, Said
from sessionwatch.demo.watched import Totals, WatchedPipeline
from sessionwatch.demo.webapp.accounts import Accounts
from sessionwatch.demo.webapp.order import AppOrder

APPS: Mapping[str, bool] = {"bank": True, "shop": False}
"""The apps, and whether their logout ends the session."""
CONFIGURATION = "sessionwatch.toml"
READY_S = 30.0
_LOOK_S = 0.02


class Stage:
    """Broker, chat, pipeline, apps, console and crowd, from the start of the context to its end.

    Args:
        folder: for everything that they keep.
        tell: told what happens, from several threads.
        with_console: the console is served too.

    Raises:
        DemoError, BrokerError, SourceError, StoreError, ResponseError: a part does not start.
    """

    def __init__(self, folder: Folder, tell: Callable[[Happening], None], *, with_console: bool = False) -> None:
        self._folder = folder
        self._tell = tell
        self._parts = ExitStack()
        self._front = ExitStack()
        self._children: list[Child] = []
        self._people = population()
        self._crowd: Child | None = None
        self._console_port = _free_port() if with_console else None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._parts.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.close()

    @property
    def is_set(self) -> bool:
        """Whether everything has started."""
        return self._crowd is not None

    @property
    def people(self) -> int:
        """How many people there are."""
        return len(self._people)

    def steal(self, number: int, theft: str) -> None:
        """Order a theft."""
        assert self._crowd is not None
        self._crowd.order(msgspec.json.encode(Steal(number, theft)))

    def console_link(self) -> str | None:
        """Return the console's address with a code that signs in once, within 60 s; None where it is not served."""
        if self._console_port is None:
            return None
        return f"{_url(self._console_port)}/?code={self._pipeline.sign_in_code()}"

    def check(self) -> None:
        """Raise DemoError if a process has ended by itself."""
        for child in self._children:
            child.check()

    def empty(self) -> None:
        """Send crowd and apps away; what they have sent is stored when this returns."""
        self._leave()
        self._pipeline.drain()

    def totals(self) -> Totals:
        """Count what is stored."""
        return self._pipeline.totals()

    def _start(self) -> None:
        broker = self._parts.enter_context(DevelopmentBroker())
        # Entered here so that nothing is left behind if a later part fails; ended before all others.
        self._parts.callback(self._leave)
        room = self._parts.enter_context(ChatRoom(lambda text: self._tell(Said(text, now_us()))))
        sockets = {app: self._listen() for app in APPS}
        urls = {app: _url(one.getsockname()[1]) for app, one in sockets.items()}
        settings = self._prepare(broker.bootstrap_servers, urls, room.url)
        ensure_topic(settings.kafka.client(), settings.kafka.events_topic)
        for app, one in sockets.items():
            self._serve(app, one, broker.bootstrap_servers)
        # The apps need a second to start: the pipeline is built meanwhile.
        self._pipeline = self._parts.enter_context(WatchedPipeline(settings, self._tell))
        self._parts.callback(self._leave)
        if self._console_port is not None:
            api = _url(self._pipeline.api_port)
            file = str(self._folder.path / CONFIGURATION)
            self._open("the console", "sessionwatch.demo.console", file, str(self._console_port), api)
            self._wait_for("the console", self._console_port)
        for app, one in sockets.items():
            self._wait_for(f"the web app {app}", one.getsockname()[1])
        self._crowd = self._open_crowd(urls)

    def _leave(self) -> None:
        """End the crowd, and then the apps together."""
        children, self._children = self._children, []
        for child in reversed(children):
            if child is self._crowd:
                child.stop()
            child.ask_to_end()
        self._front.close()

    def _listen(self) -> socket.socket:
        listener = self._parts.enter_context(socket.socket())
        try:
            listener.bind(("127.0.0.1", 0))
            listener.listen(128)
        except OSError as error:
            raise DemoError(f"no port can be had on loopback: {error.strerror}") from error
        return listener

    def _prepare(self, bootstrap_servers: str, urls: Mapping[str, str], chat_url: str) -> Settings:
        """Write secrets, accounts and the configuration; return the configuration as read back."""
        folder = self._folder
        folder.write("chat.url", chat_url + "\n")
        for app in APPS:
            folder.make_secrets(app)
            users = [(person.name, person.password) for person in self._people if person.app == app]
            Accounts.create(folder.path / f"{app}.sqlite", users)
        console_url = None if self._console_port is None else _url(self._console_port)
        file = folder.write(CONFIGURATION, configuration(bootstrap_servers, urls, console_url))
        # Nobody's environment may change what is shown.
        return load(file, environ={})

    def _serve(self, app: str, listener: socket.socket, bootstrap_servers: str) -> None:
        path = self._folder.path
        order = AppOrder(
            name=app,
            ends_sessions=APPS[app],
            bootstrap_servers=bootstrap_servers,
            accounts=str(path / f"{app}.sqlite"),
            revocations=str(path / f"{app}-revocations.sqlite"),
            secret_file=str(path / f"{app}.key"),
            webhook_secret_file=str(path / f"{app}.whsec"),
            scratch=str(path),
        )
        file = self._folder.write(f"{app}.json", msgspec.json.encode(order))
        descriptor = listener.fileno()
        self._open(
            f"the web app {app}",
            "sessionwatch.demo.webapp.serve",
            str(file),
            str(descriptor),
            descriptor=descriptor,
        )

    def _wait_for(self, name: str, port: int) -> None:
        """Wait until a server answers: an app's connections are accepted before, since its socket listens already."""
        deadline = time.monotonic() + READY_S
        while not _answers(port):
            self.check()
            if time.monotonic() > deadline:
                raise DemoError(f"{name} does not answer")
            time.sleep(_LOOK_S)

    def _open_crowd(self, urls: Mapping[str, str]) -> Child:
        order = CrowdOrder(dict(urls), self._people)
        file = self._folder.write("crowd.json", msgspec.json.encode(order))
        crowd = self._open("the crowd", "sessionwatch.demo.crowd", str(file))
        listening = threading.Thread(target=self._listen_to, args=(crowd.output,), name="crowd", daemon=True)
        listening.start()
        return crowd

    def _open(self, name: str, module: str, *arguments: str, descriptor: int | None = None) -> Child:
        child = Child(name, module, *arguments, log=self._folder.log, descriptor=descriptor)
        self._front.enter_context(child)
        self._children.append(child)
        return child

    def _listen_to(self, output: IO[bytes]) -> None:
        facts = msgspec.json.Decoder(CrowdFact)
        try:
            for line in output:
                self._tell(facts.decode(line))
        except msgspec.MsgspecError as error:
            self._tell(Trouble(f"the crowd is not understood: {error}"))
        except ValueError:
            # Closed at the end, under the reader.
            return


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _free_port() -> int:
    # Streamlit opens its own socket, so the port is free only as long as nobody else takes it.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_S)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
