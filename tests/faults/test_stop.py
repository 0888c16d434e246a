"""A clean stop: within five seconds, with 0, whatever is under way; the next start has nothing to judge again."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from ingest.topics import ensure_topic
from tests.faults.command import running
from tests.faults.rig import DEAD_LETTERS, EVENTS, Run, new_run
from tests.faults.stream import PARTITIONS, lines, send
from tests.response.receivers import answers, hangs

STOP_S = 5.0


@pytest.fixture
def run(tmp_path: Path, broker: str) -> Iterator[Run]:
    """A pipeline with everything still to do, whose bank and chat take what they get and never answer."""
    topic = f"events-{uuid4()}"
    ensure_topic({"bootstrap_servers": broker}, topic, PARTITIONS)
    records = lines()
    send(broker, topic, records)
    with new_run(tmp_path / "run", broker, topic, len(records)) as made:
        made.receiver.behaviours[:] = made.chat.behaviours[:] = [hangs()]
        yield made


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_within_five_seconds_while_a_receiver_hangs(run: Run, number: int) -> None:
    with running(run.folder / "sessionwatch.toml") as command:
        command.until(lambda: run.receiver.calls and run.chat.calls)
        asked = time.monotonic()
        command.send_signal(number)
        assert command.wait(2 * STOP_S) == 0
        assert time.monotonic() - asked < STOP_S
        assert command.said("pipeline stopped")
        assert command.told() == []


def test_after_a_clean_stop_nothing_is_judged_again_and_nothing_is_missing(run: Run) -> None:
    with running(run.folder / "sessionwatch.toml") as command:
        command.until(lambda: run.receiver.calls and run.chat.calls)
        command.send_signal(signal.SIGTERM)
        assert command.wait(2 * STOP_S) == 0
    stored = len(run.rows(EVENTS))
    run.receiver.behaviours[:] = run.chat.behaviours[:] = [answers(204)]
    assert run.live() == 0
    (recovered,) = run.said("state recovered")
    assert recovered["keys"] > 0
    assert recovered["rerun"] == 0
    assert len(run.rows(EVENTS)) > stored


def test_an_idle_pipeline_ends_at_once(tmp_path: Path, broker: str) -> None:
    with (
        new_run(tmp_path / "idle", broker, f"events-{uuid4()}", 0) as idle,
        running(idle.folder / "sessionwatch.toml") as command,
    ):
        asked = time.monotonic()
        command.send_signal(signal.SIGTERM)
        assert command.wait(2 * STOP_S) == 0
        assert time.monotonic() - asked < STOP_S


@pytest.mark.slow
def test_killed_in_the_middle_of_its_stop_it_has_lost_nothing(run: Run) -> None:
    chance = random.Random(25)
    # Something is stored before the clock decides, so that the last start has something to judge again.
    run.live("after commit@3")
    for _ in range(6):
        with running(run.folder / "sessionwatch.toml") as command:
            # Any moment will do.
            time.sleep(chance.uniform(0.1, 0.3))
            command.send_signal(signal.SIGTERM)
            time.sleep(chance.uniform(0.0, 0.3))
            command.send_signal(signal.SIGKILL)
            command.wait(STOP_S)
            assert command.told() == []
    run.receiver.behaviours[:] = run.chat.behaviours[:] = [answers(204)]
    assert run.live() == 0
    events, dead_letters = run.rows(EVENTS), run.rows(DEAD_LETTERS)
    assert len(events) + len(dead_letters) == run.records
    assert len(set(events)) == len(events)
    assert len(set(dead_letters)) == len(dead_letters)
    assert [line["differences"] for line in run.said("state recovered")] == [0]
