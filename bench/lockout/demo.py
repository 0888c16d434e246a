"""`python -m bench.lockout.demo [RUNS]`: from a thief's first request to the refusal, in the demo and without load."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from rich.console import Console
from rich.table import Table


def measure(runs: int) -> dict[str, list[float]]:
    """Return the lock-out times in milliseconds by attacker, of as many runs of ``demo --once --json``.

    Raises:
        RuntimeError: a run did not end with 0.
    """
    found: dict[str, list[float]] = {}
    for _ in range(runs):
        demo = subprocess.run(
            [sys.executable, "-m", "sessionwatch", "demo", "--once", "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        if demo.returncode:
            raise RuntimeError(f"the demo ended with {demo.returncode}: {demo.stderr.strip().splitlines()[-1]}")
        for attacker in json.loads(demo.stdout)["attackers"]:
            found.setdefault(attacker["name"], []).append(attacker["locked_out_ms"])
    return found


def show(found: dict[str, list[float]]) -> None:
    """Print median and worst by attacker, and of all."""
    everyone = [time for times in found.values() for time in times]
    table = Table(title=f"theft's first request to 401, {len(everyone)} thefts")
    for column in ("attacker", "median ms", "worst ms"):
        table.add_column(column, justify="left" if column == "attacker" else "right")
    for name, times in [*found.items(), ("all", everyone)]:
        table.add_row(name, f"{statistics.median(times):.0f}", f"{max(times):.0f}")
    Console().print(table)


if __name__ == "__main__":
    show(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
