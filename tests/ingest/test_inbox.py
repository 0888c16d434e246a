"""The way to the writer."""

from __future__ import annotations

import queue
import threading
import time

import pytest

from ingest.inbox import Inbox


def test_commands_come_out_in_their_order() -> None:
    inbox = Inbox(wake=lambda: None)
    inbox.submit("first")
    inbox.submit("second")
    assert [one.command for one in inbox.take()] == ["first", "second"]


def test_what_was_taken_is_gone() -> None:
    inbox = Inbox(wake=lambda: None)
    inbox.submit("first")
    inbox.take()
    assert inbox.take() == []


def test_a_submission_wakes_the_loop() -> None:
    woken = threading.Event()
    Inbox(wake=woken.set).submit("first")
    assert woken.is_set()


def test_the_sender_is_answered_after_the_commit() -> None:
    inbox = Inbox(wake=lambda: None)
    committed = inbox.submit("first")
    assert not committed.done()
    (taken,) = inbox.take()
    taken.committed.set_result(None)
    assert committed.done()


def test_a_full_inbox_slows_the_sender() -> None:
    inbox = Inbox(wake=lambda: None, bound=1)
    inbox.submit("first")
    with pytest.raises(queue.Full):
        inbox.submit("second", timeout_s=0.01)


def test_room_lets_a_waiting_sender_go_on() -> None:
    inbox = Inbox(wake=lambda: None, bound=1)
    inbox.submit("first")
    sender = threading.Thread(target=inbox.submit, args=("second",))
    sender.start()
    taken: list[object] = []
    deadline = time.monotonic() + 5
    while len(taken) < 2 and time.monotonic() < deadline:
        taken += [one.command for one in inbox.take()]
    sender.join(5)
    assert taken == ["first", "second"]
