"""The development broker: up, down, in the way of others, and never left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from kafka import KafkaConsumer, KafkaProducer

from ingest.broker import BrokerError, DevelopmentBroker


def until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Poll a condition with a deadline; return whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def python(code: str) -> Iterator[subprocess.Popen[str]]:
    """Run Python code in a process of its own, killed at the end."""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def test_takes_a_record_and_gives_it_back(broker: str) -> None:
    producer = KafkaProducer(bootstrap_servers=broker)
    producer.send("broker-roundtrip", b"hello").get(5)
    producer.close()
    consumer = KafkaConsumer("broker-roundtrip", bootstrap_servers=broker, auto_offset_reset="earliest")
    records = consumer.poll(5000)
    consumer.close()
    assert [record.value for batch in records.values() for record in batch] == [b"hello"]


def test_is_reached_from_this_machine_only(broker: str) -> None:
    assert broker.startswith("127.0.0.1:")


def test_nothing_runs_after_the_end_of_the_block() -> None:
    with DevelopmentBroker() as running:
        pid = running.pid
        assert pid is not None
        assert alive(pid)
    assert not alive(pid)


def test_a_port_in_use_is_said_in_one_line() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(BrokerError, match=rf"^port {port} on 127.0.0.1 cannot be used .*choose another$"):
            DevelopmentBroker(port).start()


def test_a_port_that_does_not_exist_is_said_in_one_line() -> None:
    with pytest.raises(BrokerError, match=r"^port 70000 on 127\.0\.0\.1 cannot be used"):
        DevelopmentBroker(70000).start()


def test_the_same_port_can_be_taken_again_at_once() -> None:
    with DevelopmentBroker() as first:
        port = first.port
    with DevelopmentBroker(port) as second:
        assert second.port == port


def test_its_end_is_noticed() -> None:
    with DevelopmentBroker() as running:
        assert running.pid is not None
        os.kill(running.pid, signal.SIGKILL)
        until(lambda: not listens(running.port))
        with pytest.raises(BrokerError, match="ended"):
            running.check()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's help is Linux only")
def test_it_dies_with_a_parent_that_is_killed() -> None:
    code = (
        "from ingest.broker import DevelopmentBroker; import time; b = DevelopmentBroker(); b.start();"
        "print(b.pid, flush=True); time.sleep(60)"
    )
    with python(code) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
        assert until(lambda: not alive(pid))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_it_says_one_line_and_ends_with_0(number: signal.Signals) -> None:
    with python("from ingest.broker import run_foreground; run_foreground(0)") as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line.startswith("development broker ready on 127.0.0.1:")
        child.send_signal(number)
        rest, errors = child.communicate(timeout=5)
        assert (child.returncode, rest, errors) == (0, "", "")
