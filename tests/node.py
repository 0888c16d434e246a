"""Programs in JavaScript with packages from npm, fetched once into `.cache/` at the top of the repository."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

_CACHE = Path(__file__).parents[1] / ".cache"


def installed(source: Path) -> Path:
    """Return a folder with the programs of another and the packages that its `package.json` names.

    The test is skipped where npm is missing or cannot fetch them.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("npm or node is not installed")
    home = _CACHE / source.name
    home.mkdir(parents=True, exist_ok=True)
    listed, stamp = source / "package.json", home / "installed.json"
    with (home / "lock").open("w") as lock:
        # Test runs side by side fetch once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_bytes() != listed.read_bytes():
            shutil.copy(listed, home)
            command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode:
                pytest.skip(f"npm cannot fetch {source.name}: {done.stderr.strip()[-300:]}")
            stamp.write_bytes(listed.read_bytes())
        for program in source.glob("*.mjs"):
            shutil.copy(program, home)
    return home
