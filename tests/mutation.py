"""Mutation testing of the rules: are they tested so well that a change of their code is noticed?

    python -m tests.mutation                        every rule
    python -m tests.mutation session_hijack         one
    python -m tests.mutation --changed --seconds 180   those that differ from the commit before, in bounded time

mutmut makes the mutants and runs the tests that cover each. What it did not come to in the time given is not counted.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / ".cache" / "mutation"
"""A copy to work in, so that nothing is ever changed in the tree itself."""
RULES = "detectors/rules"
COPIED = (
    "schemas", "store", "sample_logs", "detectors", "ingest", "response", "sessionwatch", "dashboard", "emitters",
    "tests", "pyproject.toml",
)  # fmt: skip
LEAST = 0.85
KILLED, SURVIVED, UNTESTED = frozenset({1, 3}), frozenset({0}), frozenset({5, 33})


def changed_rules(since: str) -> list[str]:
    """Return the rule modules that differ from a commit, those not committed yet too."""
    listed = subprocess.run(
        ["git", "diff", "--name-only", since, "--", RULES], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    listed += subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard", "--", RULES],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout.splitlines()  # fmt: skip
    return sorted(
        {Path(name).stem for name in listed if name.endswith(".py") and (ROOT / name).exists()} - {"__init__"}
    )


def every_rule() -> list[str]:
    """Return all rule modules."""
    return sorted(path.stem for path in (ROOT / RULES).glob("*.py") if path.stem != "__init__")


def prepare() -> None:
    """Copy what the tests need; the results of an earlier run are left, they are still true of unchanged code."""
    WORK.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        source, target = ROOT / name, WORK / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        else:
            shutil.copy2(source, target)


def run(modules: list[str], seconds: float | None) -> bool:
    """Run mutmut over the mutants of some rules, for at most so many seconds; say whether it came to its end."""
    patterns = [f"detectors.rules.{module}.*" for module in modules]
    command = [str(Path(sys.executable).parent / "mutmut"), "run", "--max-children", "2", *patterns]
    deadline = None if seconds is None else time.monotonic() + seconds
    with (WORK / "mutmut.log").open("w") as log:
        mutmut = subprocess.Popen(command, cwd=WORK, stdout=log, stderr=log, start_new_session=True)
        while mutmut.poll() is None:
            time.sleep(0.5)
            if deadline is not None and time.monotonic() > deadline:
                mutmut.send_signal(signal.SIGINT)
                try:
                    mutmut.wait(10)
                except subprocess.TimeoutExpired:
                    mutmut.kill()
                return False
    return True


def results(modules: list[str]) -> dict[str, Counter[str]]:
    """Return by rule how many mutants were killed, survived, or ran in no test."""
    counted: dict[str, Counter[str]] = {}
    for module in modules:
        file = WORK / "mutants" / RULES / f"{module}.py.meta"
        codes = json.loads(file.read_text())["exit_code_by_key"] if file.exists() else {}
        counted[module] = Counter(_word(code) for code in codes.values() if code is not None)
    return counted


def survivors(module: str) -> list[str]:
    """Return the names of the mutants of a rule that no test noticed."""
    file = WORK / "mutants" / RULES / f"{module}.py.meta"
    codes = json.loads(file.read_text())["exit_code_by_key"] if file.exists() else {}
    return [name for name, code in codes.items() if code is not None and _word(code) != "killed"]


def _word(code: int) -> str:
    if code in SURVIVED:
        return "survived"
    return "in no test" if code in UNTESTED else "killed"


def main() -> int:
    """Run, and say how many mutants were killed; 1 where they are too few."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rules", nargs="*", help="rule modules, such as session_hijack; else all")
    parser.add_argument("--changed", action="store_true", help="only those that differ from --since")
    parser.add_argument("--since", default="HEAD~1", help="the commit to compare with")
    parser.add_argument("--seconds", type=float, help="stop after so long")
    asked = parser.parse_args()
    modules = changed_rules(asked.since) if asked.changed else asked.rules or every_rule()
    if not modules:
        print("no rule has changed")  # noqa: T201 - a command
        return 0
    prepare()
    finished = run(modules, asked.seconds)
    counted = results(modules)
    for module, counts in counted.items():
        total = sum(counts.values())
        print(f"{module:34} {counts['killed']:4} of {total:4} killed")  # noqa: T201
        for name in survivors(module):
            print(f"    survived: {name}")  # noqa: T201
    total = sum(sum(counts.values()) for counts in counted.values())
    killed = sum(counts["killed"] for counts in counted.values())
    if not total:
        # Without a green run of the tests first, mutmut ends before the first mutant.
        print(f"no mutant was run; {(WORK / 'mutmut.log').relative_to(ROOT)} says how far it came")  # noqa: T201
        return 1 if finished else 0
    print(f"{killed} of {total} mutants killed: {100 * killed / total:.1f} % (at least {100 * LEAST:.0f} %)")  # noqa: T201
    print(f"look at one: cd {WORK.relative_to(ROOT)} && mutmut show NAME")  # noqa: T201
    return 0 if killed / total >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
