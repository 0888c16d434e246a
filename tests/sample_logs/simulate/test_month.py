"""The simulated month as a whole: the same bytes for the same seed, in order, valid, labelled."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

from ingest.decode import decode_event
from sample_logs.simulate.attacks import KINDS
from sample_logs.simulate.frozen import NOTED, hashes
from sample_logs.simulate.labels import Labels
from sample_logs.simulate.month import Month
from sample_logs.simulate.society import SOCIETIES
from tests.sample_logs.simulate.simulated import Simulated, simulated

ROOT = Path(__file__).resolve().parents[3]


def hash_in_a_process_of_its_own(hash_seed: str) -> str:
    program = "from sample_logs.simulate.frozen import hashes; print(hashes().text())"
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT), "TZ": f"UTC-{hash_seed}"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_generator_is_the_one_that_was_noted() -> None:
    assert hashes().text() == NOTED.read_text(), "the generator was changed: run `sessionwatch simulate hash`"


def test_the_same_seed_gives_the_same_bytes_in_every_process() -> None:
    assert hash_in_a_process_of_its_own("1") == hash_in_a_process_of_its_own("7") == hashes().text().strip()


def test_another_seed_is_another_month() -> None:
    first, second = (set(Month(30, 2, seed).lines(Labels(None))) for seed in (1, 2))
    assert not first & second


def test_a_second_society_is_another_month() -> None:
    roaming = Month(30, 2, 1, society=SOCIETIES["roaming"])
    assert list(roaming.lines(Labels(None))) != list(Month(30, 2, 1).lines(Labels(None)))


def test_events_come_in_the_order_of_their_time(attacked: Simulated) -> None:
    times = [event["event_time"] for event in attacked.events]
    assert times == sorted(times)


def test_no_two_events_have_one_id(attacked: Simulated) -> None:
    ids = [event["event_id"] for event in attacked.events]
    assert len(set(ids)) == len(ids)


def test_every_event_keeps_the_contract_and_needs_no_cleaning(attacked: Simulated) -> None:
    for line in attacked.lines[:: max(1, len(attacked.lines) // 20_000)]:
        assert decode_event(line).input_flags == ()


def test_attacks_are_added_to_lives_that_stay_the_same() -> None:
    without = set(Month(60, 4, 9, attacks=()).lines(Labels(None)))
    with_attacks = set(Month(60, 4, 9, attacks=("stolen-cookie", "password-spray")).lines(Labels(None)))
    assert without < with_attacks


def test_every_kind_of_attack_is_there_and_labelled(attacked: Simulated) -> None:
    told = set(attacked.labels.values()) - {""}
    assert told == set(KINDS)
    assert len(KINDS) >= 14


def test_attacks_can_be_chosen() -> None:
    month = simulated(Month(60, 4, 9, attacks=("brute-force",)))
    assert set(month.labels.values()) == {"", "brute-force"}


def test_each_session_stands_once_in_the_labels_and_in_the_events(attacked: Simulated) -> None:
    named = {key for key in attacked.labels if key.startswith("s_")}
    begun = {event["session_id"] for event in attacked.where(type="create")}
    assert begun <= named
    assert named <= {event.get("session_id") for event in attacked.events}


def test_labels_without_a_session_name_users_and_addresses_of_the_file(attacked: Simulated) -> None:
    subjects = {key for key in attacked.labels if not key.startswith("s_")}
    met = {f"user:{event.get('user_id')}" for event in attacked.events}
    met |= {f"ip:{event.get('ip')}" for event in attacked.events}
    assert subjects
    assert subjects <= met


def test_a_month_is_made_day_by_day_and_not_held_in_memory() -> None:
    def peak(days: int) -> int:
        tracemalloc.start()
        for _line in Month(60, days, 4, attacks=()).lines(Labels(None)):
            pass
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(2)
    assert peak(40) < 1.5 * peak(10)
