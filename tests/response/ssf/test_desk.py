"""Streams in the batch loop: stored, taken up after a restart, and followed at once by what waits for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from response.commands import RevokeManually
from response.ssf.commands import Announce, DropStream, SaveStream
from response.ssf.desk import SsfDesk
from response.ssf.keys import KeyRing
from response.ssf.stream import Stream, Streams
from response.targets.ssf import SsfTarget
from tests.response.given import SESSION, Pipeline, message, use
from tests.response.receivers import answering, answers

Start = Callable[..., Pipeline]
STREAM = Stream("bank", "stream-1", "poll", description="ours", removed=({"format": "opaque", "id": "x"},))


def test_a_stream_is_there_after_its_commit_and_after_a_restart(pipeline: Start) -> None:
    streams = Streams()
    running = pipeline(shared_signals=lambda reader: SsfDesk(reader, streams))
    running.turn(commands=[SaveStream(STREAM, "stream made")])
    assert streams.of("bank") == STREAM
    again = Streams()
    pipeline(shared_signals=lambda reader: SsfDesk(reader, again))
    assert again.of("bank") == STREAM


def test_a_deleted_stream_gives_way_to_that_of_the_configuration(pipeline: Start) -> None:
    standing = Stream("bank", "standing", "push", endpoint_url="https://bank.example/", standing=True)
    streams = Streams([standing])
    running = pipeline(shared_signals=lambda reader: SsfDesk(reader, streams))
    running.turn(commands=[SaveStream(STREAM, "stream made")])
    running.turn(commands=[DropStream("bank", "stream-1")])
    assert streams.of("bank") == standing


def test_what_is_done_to_streams_stands_in_the_audit_log(pipeline: Start) -> None:
    running = pipeline(shared_signals=lambda reader: SsfDesk(reader))
    paused = msgspec.structs.replace(STREAM, status="paused", reason="errors")
    running.turn(commands=[SaveStream(STREAM, "stream made"), SaveStream(paused, "stream paused", "olivia")])
    running.turn(commands=[Announce(message(lane="ssf:bank"), "bank"), DropStream("bank", "stream-1")])
    assert [(line.actor, line.act, line.why) for line in running.audit()] == [
        ("bank", "stream made", "enabled"),
        ("olivia", "stream paused", "paused: errors"),
        ("bank", "stream event asked for", "session.revoked"),
        ("bank", "stream deleted", ""),
    ]


def test_without_shared_signals_such_a_command_is_refused(pipeline: Start) -> None:
    assert pipeline().turn(commands=[SaveStream(STREAM, "stream made")]).refusals == {
        0: "shared signals are not configured"
    }


def test_what_waits_for_a_stream_leaves_as_soon_as_it_is_there(pipeline: Start, tmp_path: Path) -> None:
    with answering(answers(202)) as receiver:
        running, streams = waiting(pipeline, tmp_path)
        running.turn([use()], commands=[RevokeManually("1", "bank", "session", SESSION, "olivia", "stolen laptop")])
        # Nobody is there to take it: its lane pauses for seconds.
        running.until_result()
        pushed = Stream("bank", "stream-1", "push", endpoint_url=receiver.url, standing=True)
        running.turn(commands=[SaveStream(pushed, "stream made")])
        running.until(lambda: receiver.calls, within_s=2)
        assert streams.of("bank") == pushed


def waiting(pipeline: Start, folder: Path) -> tuple[Pipeline, Streams]:
    """A pipeline whose only target waits for its receiver's stream."""
    streams = Streams()
    target = SsfTarget(
        "caep", "bank", "bank", audience="https://bank.example", issuer="https://sw.example",
        keys=KeyRing(folder / "keys", "ES256"), streams=streams, allow_private=True,
    )  # fmt: skip
    lanes = {"bank": ["ssf:caep"]}
    return pipeline(targets=[target], shared_signals=lambda reader: SsfDesk(reader, streams, lanes=lanes)), streams


@pytest.mark.parametrize(
    "stream", [STREAM, Stream("bank", "s", "push", endpoint_url="https://x.example", authorization="Bearer y")]
)
def test_a_stream_is_stored_whole(stream: Stream) -> None:
    assert msgspec.json.decode(msgspec.json.encode(stream), type=Stream) == stream
