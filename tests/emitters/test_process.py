"""What happens to an emitter when its process forks or ends; each test runs a program of its own."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid

import pytest

from .conftest import SECRET, free_port, read

PREAMBLE = """
import os, sys
from sessionwatch_emitter import SessionEmitter
emitter = SessionEmitter("bank", secret=sys.argv[1], bootstrap_servers=sys.argv[2], topic=sys.argv[3])
"""

FORK_WHILE_SENDING = """
emitter.created("parent-before", user="parent-before")
emitter.flush()
emitter.validated("shared", user="alice")
emitter.validated("shared", user="alice")
child = os.fork()
if child == 0:
    emitter.created("child", user="child")
    emitter.validated("shared", user="alice")
    flushed = emitter.flush(10)
    emitter.close()
    os._exit(0 if flushed and emitter.counters["created"] == 1 else 3)
_, status = os.waitpid(child, 0)
emitter.created("parent-after", user="parent-after")
assert emitter.flush(10)
assert emitter.counters["created"] == 2, emitter.counters
emitter.close()
sys.exit(os.waitstatus_to_exitcode(status))
"""

FORK_WITH_THE_LOCKS_HELD = """
import threading
emitter.start()
telling = emitter._telling
telling._sampling.acquire(); telling._sender._changed.acquire(); telling.counters._lock.acquire()
child = os.fork()
if child == 0:
    emitter.validated("raw", user="child")
    os._exit(0 if emitter.flush(10) else 3)
telling.counters._lock.release(); telling._sender._changed.release(); telling._sampling.release()
_, status = os.waitpid(child, 0)
emitter.close()
sys.exit(os.waitstatus_to_exitcode(status))
"""

CHILD_ENDS_BY_ITSELF = """
emitter.created("parent", user="parent")
emitter.flush()
child = os.fork()
if child == 0:
    emitter.created("child", user="child")
    sys.exit(0)
_, status = os.waitpid(child, 0)
emitter.created("after", user="after")
sys.exit(os.waitstatus_to_exitcode(status))
"""

JUST_ENDS = """
emitter.created("raw", user="last words")
"""

REVOCATIONS_ACROSS_A_FORK = """
from sessionwatch_emitter import RevocationList
revocations = RevocationList(sys.argv[4])
assert revocations.refusal(["s_a"]) is None
child = os.fork()
if child == 0:
    revocations.revoke_session("s_a", 1)
    os._exit(0 if revocations.refusal(["s_a"]) else 3)
_, status = os.waitpid(child, 0)
assert revocations.refusal(["s_a"]) is not None
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run(program: str, broker: str, topic: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PREAMBLE + program, SECRET, broker, topic, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    return done


@pytest.fixture
def topic() -> str:
    return f"events-{uuid.uuid4()}"


def test_a_forked_child_tells_its_own_events_and_the_parent_goes_on(broker: str, topic: str) -> None:
    run(FORK_WHILE_SENDING, broker, topic)
    events = [record.event for record in read(broker, topic, 6)]
    users = sorted(event["user_id"] for event in events if event["type"] == "create")
    assert users == ["child", "parent-after", "parent-before"]
    # The parent's two uses, one of them swallowed, and the child's own first one: none twice.
    assert sum(event["count"] for event in events if event["type"] == "validate") == 3


def test_a_fork_while_another_thread_holds_the_locks_leaves_the_child_free(broker: str, topic: str) -> None:
    run(FORK_WITH_THE_LOCKS_HELD, broker, topic)
    (record,) = read(broker, topic, 1)
    assert record.event["user_id"] == "child"


def test_what_is_left_is_sent_when_parent_and_child_end(broker: str, topic: str) -> None:
    run(CHILD_ENDS_BY_ITSELF, broker, topic)
    users = sorted(record.event["user_id"] for record in read(broker, topic, 3))
    assert users == ["after", "child", "parent"]


def test_the_last_event_of_a_process_is_sent_at_its_end(broker: str, topic: str) -> None:
    run(JUST_ENDS, broker, topic)
    (record,) = read(broker, topic, 1)
    assert record.event["user_id"] == "last words"


def test_a_dead_broker_holds_up_the_end_for_seconds_only(topic: str) -> None:
    began = time.monotonic()
    command = [sys.executable, "-c", PREAMBLE + JUST_ENDS, SECRET, f"127.0.0.1:{free_port()}", topic]
    assert subprocess.run(command, capture_output=True, timeout=30).returncode == 0
    assert time.monotonic() - began < 6


def test_a_revocation_list_goes_on_in_both_after_a_fork(broker: str, topic: str, tmp_path: object) -> None:
    run(REVOCATIONS_ACROSS_A_FORK, broker, topic, f"{tmp_path}/revocations.sqlite")
