"""A Redis server of a test's own on loopback, from the machine's package."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests.counterparts import met


class UnavailableError(Exception):
    """Redis cannot be run here; the message says why."""


@contextmanager
def redis_server() -> Iterator[str]:
    """Runs a server without persistence; its URL."""
    program = shutil.which("redis-server")
    if program is None:
        raise UnavailableError("redis-server is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="sessionwatch-redis-") as folder:
        arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        with subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL) as server:
            try:
                _wait(server, port)
                yield f"redis://127.0.0.1:{port}/0"
            finally:
                server.terminate()


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 20
    with redis.Redis(port=port) as client:
        while server.poll() is None and time.monotonic() < deadline:
            try:
                met("Redis", str(client.info("server")["redis_version"]))
            except redis.ConnectionError:
                time.sleep(0.02)
            else:
                return
    raise UnavailableError("redis-server does not start")
