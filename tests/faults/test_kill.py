"""SIGKILL at any moment loses nothing and doubles nothing: held against a run that nobody disturbed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from ingest.topics import ensure_topic
from sessionwatch.api.answers.audit import read_head
from sessionwatch.audit_key import read_audit_key
from sessionwatch.config.store import StoreSettings
from store.audit_key import PublicKeys
from store.database import Database
from tests.faults.rig import ALERTS, DEAD_LETTERS, EVENTS, REVOCATIONS, Run, new_run
from tests.faults.stream import PARTITIONS, Line, lines, send, sent_twice

KILLED = -9
STAGES = ("poll", "decode", "dedup", "enrich", "observe", "detect", "respond", "commit")
HOOKS = (*(f"{when} {stage}" for stage in STAGES for when in ("before", "after")), "inside commit")
TEN_POINTS = (
    "after poll@4", "after decode@5", "after dedup@3", "after enrich@4", "after observe@5",
    "after detect@4", "before respond@3", "before commit@5", "inside commit@4", "after commit@3",
)  # fmt: skip
"""Hook, and at which call of it in that process."""

Produce = Callable[[list[Line]], tuple[str, int]]


@pytest.fixture(scope="module")
def produce(broker: str) -> Produce:
    """Sends records to a topic of their own; returns its name and their number."""

    def produced(records: list[Line]) -> tuple[str, int]:
        topic = f"events-{uuid4()}"
        ensure_topic({"bootstrap_servers": broker}, topic, PARTITIONS)
        send(broker, topic, records)
        return topic, len(records)

    return produced


@pytest.fixture(scope="module")
def once() -> list[Line]:
    """Every record once."""
    return lines()


@pytest.fixture(scope="module")
def sent_once(produce: Produce, once: list[Line]) -> tuple[str, int]:
    """The topic that holds every record once."""
    return produce(once)


@pytest.fixture(scope="module")
def doubled(produce: Produce, once: list[Line]) -> tuple[str, int]:
    """The topic that holds every record twice."""
    return produce(sent_twice(once))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs have their stores."""
    return tmp_path_factory.mktemp("kill")


@pytest.fixture(scope="module")
def undisturbed(folder: Path, broker: str, sent_once: tuple[str, int]) -> Iterator[Run]:
    """The run that all others are held against."""
    with new_run(folder / "undisturbed", broker, *sent_once) as run:
        assert run.live() == 0
        yield run


def random_hooks(seed: int, number: int) -> list[str]:
    chance = random.Random(seed)
    return [f"{chance.choice(HOOKS)}@{chance.randint(1, 9)}" for _ in range(number)]


# Each returns how often it must have killed at least: a life that comes to its end first is no failure.


def at_ten_points_and_some(run: Run) -> int:
    run.live(*TEN_POINTS, *random_hooks(20, 3))
    return len(TEN_POINTS)


def at_a_few_random_hooks(run: Run) -> int:
    run.live(*random_hooks(24, 4))
    return 3


def at_many_random_hooks(run: Run) -> int:
    run.live(*random_hooks(23, 14))
    return 7


def at_every_hook_soon(run: Run) -> int:
    run.live(*(f"{hook}@3" for hook in HOOKS))
    return len(HOOKS) - 3


def at_random_moments(run: Run) -> int:
    chance = random.Random(21)
    run.live(*(f"@{chance.uniform(0.02, 0.3)}" for _ in range(12)))
    return 4


def while_it_starts(run: Run) -> int:
    chance = random.Random(22)
    # A snapshot is due at every second batch: this leaves one batch after it, for each of the starts to judge.
    run.live("after respond@10")
    for _ in range(8):
        run.start_for(chance.uniform(0.6, 1.2))
    run.live("before commit@5", "@0.1", "@0.2")
    return 2


@pytest.fixture(
    scope="module",
    params=[
        at_ten_points_and_some,
        pytest.param(at_many_random_hooks, marks=pytest.mark.slow),
        pytest.param(at_every_hook_soon, marks=pytest.mark.slow),
        pytest.param(at_random_moments, marks=pytest.mark.slow),
        pytest.param(while_it_starts, marks=pytest.mark.slow),
    ],
    ids=lambda disturb: disturb.__name__,
)
def killed(request: pytest.FixtureRequest, folder: Path, broker: str, sent_once: tuple[str, int]) -> Iterator[Run]:
    """A run over the same records that is killed again and again, and started again until it is done."""
    disturb: Callable[[Run], int] = request.param
    with new_run(folder / disturb.__name__, broker, *sent_once) as run:
        least = disturb(run)
        assert run.exits.count(KILLED) >= least
        assert run.live() == 0
        yield run


@pytest.fixture(
    scope="module", params=[at_a_few_random_hooks, pytest.param(at_ten_points_and_some, marks=pytest.mark.slow)]
)
def killed_and_doubled(
    request: pytest.FixtureRequest, folder: Path, broker: str, doubled: tuple[str, int]
) -> Iterator[Run]:
    """A run that is killed, of records that were all sent twice."""
    disturb: Callable[[Run], int] = request.param
    with new_run(folder / f"doubled-{disturb.__name__}", broker, *doubled) as run:
        least = disturb(run)
        assert run.exits.count(KILLED) >= least
        assert run.live() == 0
        yield run


def test_the_records_hold_what_can_go_wrong(undisturbed: Run) -> None:
    rules = Counter(row[1] for row in undisturbed.rows(ALERTS))
    states = Counter(row[4] for row in undisturbed.rows(REVOCATIONS))
    reasons = {row[3] for row in undisturbed.rows(DEAD_LETTERS)}
    assert min(rules[rule] for rule in ("session-hijack", "session-multi-network", "use-after-destroy")) >= 5
    assert rules["user-multi-ip"] >= 5
    assert states["delivered"] >= 10
    assert states["held"] == 1
    assert reasons >= {"not_json", "raw_token", "id_conflict"}


def test_events_are_stored_once(undisturbed: Run, killed: Run) -> None:
    assert killed.rows(EVENTS) == undisturbed.rows(EVENTS)


def test_dead_letters_are_stored_once(undisturbed: Run, killed: Run) -> None:
    assert killed.rows(DEAD_LETTERS) == undisturbed.rows(DEAD_LETTERS)


def test_alerts_are_the_same(undisturbed: Run, killed: Run) -> None:
    assert killed.rows(ALERTS) == undisturbed.rows(ALERTS)


def test_revocations_are_the_same(undisturbed: Run, killed: Run) -> None:
    assert killed.rows(REVOCATIONS) == undisturbed.rows(REVOCATIONS)


def test_each_webhook_arrives_under_one_id(undisturbed: Run, killed: Run) -> None:
    assert killed.delivered() == undisturbed.delivered() != set()


def test_people_are_told_of_the_same_alerts(undisturbed: Run, killed: Run) -> None:
    assert killed.told() == undisturbed.told() != set()


def test_dead_letters_are_announced_under_one_key(undisturbed: Run, killed: Run) -> None:
    assert killed.announced() == undisturbed.announced() != set()


def test_every_restart_judges_as_before(killed: Run) -> None:
    recovered = killed.said("state recovered")
    assert len(recovered) >= 2
    assert [line["differences"] for line in recovered] == [0] * len(recovered)


def test_restarts_begin_at_snapshots_and_judge_what_came_after(killed: Run) -> None:
    recovered = killed.said("state recovered")
    assert any(line["keys"] and line["rerun"] for line in recovered)


def test_the_audit_log_is_whole_and_has_every_head_that_was_told(killed: Run) -> None:
    keys = PublicKeys(read_audit_key(StoreSettings(path=killed.store)).public)
    heads = [read_head(str(line["head"])) for line in killed.said("audit checkpoint")]
    assert len(heads) >= 2
    with Database.open(killed.store, read_only=True) as database:
        reader = database.reader()
        assert [reader.check_audit(keys, head).trouble for head in heads] == [None] * len(heads)


def test_records_sent_twice_count_once(undisturbed: Run, killed_and_doubled: Run) -> None:
    for statement in (EVENTS, ALERTS, REVOCATIONS):
        assert killed_and_doubled.rows(statement) == undisturbed.rows(statement)
    assert killed_and_doubled.delivered() == undisturbed.delivered()


def test_each_refused_record_is_a_dead_letter_of_its_own(undisturbed: Run, killed_and_doubled: Run) -> None:
    """What cannot be read has no identity, so that its second copy is refused like the first."""
    twice = Counter((row[3], row[4]) for row in undisturbed.rows(DEAD_LETTERS))
    found = Counter((row[3], row[4]) for row in killed_and_doubled.rows(DEAD_LETTERS))
    assert found == twice + twice


def test_a_run_that_is_done_finds_nothing_to_do(undisturbed: Run) -> None:
    before = undisturbed.rows(EVENTS), undisturbed.rows(ALERTS), len(undisturbed.receiver.calls)
    assert undisturbed.live() == 0
    assert (undisturbed.rows(EVENTS), undisturbed.rows(ALERTS), len(undisturbed.receiver.calls)) == before
