"""What a rule remembers of a key is bounded, whatever a client invents inside it."""

from __future__ import annotations

import msgspec
import pytest

from detectors.sigma.part import Part
from detectors.sigma.windows import Windows
from schemas.event import Event
from tests.detectors.sigma.stories import FAILED_LOGIN, GOOD_LOGIN, compiled, correlation, failed, refusal
from tests.detectors.story import BERLIN, CURL, FIREFOX, login

MAX_KEY_BYTES = 64 * 1_024
"""Of the battery that every rule passes."""


FLOOD = [failed(f"{'user' * 20}{at}", at, f"192.0.2.{at % 256}", f"{'agent' * 100}{at % 7}") for at in range(4_500)]


def size_after(part: Part, stream: list[Event]) -> int:
    memory = Windows()
    for event in stream:
        part.take(event, memory)
    return len(msgspec.msgpack.encode(memory))


def part_of(text: str) -> Part:
    return compiled(text).part  # type: ignore[attr-defined, no-any-return]


COUNT = "{{type: {type}, rules: [failed_login], group-by: [{by}], timespan: 24h, condition: {{gte: {number}{more}}}}}"


@pytest.mark.parametrize(
    ("kind", "by", "number", "more"),
    [
        ("event_count", "network", 2_900, ""),
        ("event_count", "network, user_id", 2, ""),
        ("event_count", "network, user_id, user_agent", 50, ""),
        ("value_count", "network", 1_000, ", field: user_id"),
        ("value_count", "ip", 2, ", field: [user_id, user_agent]"),
        ("value_count", "network, user_id", 20, ", field: user_agent"),
    ],
)
def test_a_flood_of_invented_values(kind: str, by: str, number: int, more: str) -> None:
    text = COUNT.format(type=kind, by=by, number=number, more=more)
    part = part_of(correlation(text, FAILED_LOGIN, more="sessionwatch: {key: network}"))
    once, twice = size_after(part, FLOOD), size_after(part, FLOOD[: len(FLOOD) * 3 // 4])
    assert 1_000 < once <= MAX_KEY_BYTES
    assert once <= twice * 1.2


def test_a_flood_through_a_temporal_correlation() -> None:
    names = [f"r{number}" for number in range(10)]
    rules = [(FAILED_LOGIN if number % 2 else GOOD_LOGIN) for number in range(10)]
    named = [
        rule.replace("name: failed_login", f"name: {name}").replace("name: good_login", f"name: {name}")
        for rule, name in zip(rules, names, strict=True)
    ]
    for kind in ("temporal", "temporal_ordered"):
        body = f"{{type: {kind}, rules: [{', '.join(names)}], group-by: [network, user_id], timespan: 24h}}"
        part = part_of(correlation(body, *named, more="sessionwatch: {key: network}"))
        stream: list[Event] = []
        for at in range(0, 12_000, 6):
            user = f"u{at % 3_000}"
            stream += [login(user, at, BERLIN, FIREFOX), failed(user, at + 3, BERLIN, CURL)]
        assert 1_000 < size_after(part, stream) <= MAX_KEY_BYTES


def test_the_group_that_was_silent_longest_goes_first() -> None:
    text = correlation(COUNT.format(type="event_count", by="network, user_id", number=2, more=""), FAILED_LOGIN)
    part = part_of(text.replace("name: one", "name: one\nsessionwatch: {key: network}"))
    memory = Windows()
    part.take(failed("alice", 0), memory)
    for at in range(1, 5_000):
        part.take(failed(f"user{at}", at), memory)
        if at % 50 == 0:
            part.take(failed("bob", at), memory)
    (groups,) = memory.parts.values()
    assert "alice" not in groups
    assert "bob" in groups
    assert part.take(failed("bob", 5_001), memory) is not None


def test_a_threshold_that_needs_more_is_refused() -> None:
    text = correlation(COUNT.format(type="event_count", by="network", number=5_000, more=""), FAILED_LOGIN)
    assert "correlation.condition: more than the 56 KiB" in refusal(text)


def test_a_window_that_is_over_leaves_nothing() -> None:
    text = correlation(COUNT.format(type="event_count", by="network, user_id", number=3, more=""), FAILED_LOGIN)
    part = part_of(text.replace("24h", "1m").replace("name: one", "name: one\nsessionwatch: {key: network}"))
    memory = Windows()
    for at in range(20):
        part.take(failed(f"user{at}", at), memory)
    part.take(failed("bob", 600), memory)
    assert {group for groups in memory.parts.values() for group in groups} == {"bob"}
