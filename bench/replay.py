"""`python -m bench.replay [EVENTS]`: replay of a file with all rules, against bare `json.loads` over the same file."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from bench.floors import bare_json, cpu_seconds
from bench.stream import EVENTS_A_SECOND, events
from bench.table import Figure, show
from detectors.plan import Plan
from ingest.collector import relax_collector
from ingest.places import Places
from ingest.replay import replay
from sample_logs.simulate.configuration import configuration
from sample_logs.simulate.labels import Labels
from sample_logs.simulate.month import Month
from schemas.app import AppPolicy, Apps
from schemas.instant import SECOND
from sessionwatch.config import load
from sessionwatch.config.parts import declared_apps, known_places, rule_plan

PEOPLE = 5_000
BANK = Apps({"bank": AppPolicy("bank", realm="bank")})


def measure(count: int) -> None:
    """Print the figures for a steady stream and for the simulated month, `count` events each."""
    relax_collector()
    start_us = time.time_ns() // 1_000 - count * SECOND // EVENTS_A_SECOND
    with tempfile.TemporaryDirectory() as folder:
        steady = [value for _, value in events(count, start_us)]
        _show("a steady stream, sessions of 40 events", steady, Plan(), BANK, Places(), Path(folder), None)
        month = list(islice(Month(PEOPLE, 30, seed=1, attacks=()).lines(Labels(None)), count))
        path = Path(folder) / "month.toml"
        path.write_text(configuration())
        settings = load(path)
        plan, apps, places = rule_plan(settings), declared_apps(settings), known_places(settings)
        _show("the simulated month, sessions of 7 events", month, plan, apps, places, Path(folder), path)


def _show(
    title: str, lines: list[bytes], plan: Plan, apps: Apps, places: Places, folder: Path, settings: Path | None
) -> None:
    print(f"{title}, {len(plan.instances())} rules", file=sys.stderr)
    floor_s = bare_json(lines)
    work_s = cpu_seconds(lambda: replay(lines, plan, apps, places))
    file = folder / "events.jsonl"
    file.write_bytes(b"\n".join(lines))
    command_s = _command_seconds(file, settings)
    show(
        [
            Figure("bare json.loads", len(lines), floor_s, floor_s),
            Figure("replay, without start-up", len(lines), work_s, floor_s),
            Figure("sessionwatch replay, with start-up", len(lines), command_s, floor_s),
        ],
        "bare json.loads",
    )


def _command_seconds(file: Path, settings: Path | None) -> float:
    asked: Iterable[str] = () if settings is None else ("--config", str(settings))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "sessionwatch", "replay", str(file), "--json", *asked],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
