"""Go, for counterparts that are written in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_NOT_HAD = ("proxy.golang.org", "dial tcp", "GOPROXY", "not available", "no required module", "i/o timeout")


def run_go(folder: Path, *arguments: str) -> None:
    """Run the go command; skip the test where Go is missing, or a module cannot be fetched."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not installed")
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GOWORK": "off"}
    done = subprocess.run(
        [go, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )  # fmt: skip
    if done.returncode != 0 and any(sign in done.stderr for sign in _NOT_HAD):
        pytest.skip(f"a Go module cannot be fetched: {done.stderr.strip().splitlines()[0][:200]}")
    assert done.returncode == 0, done.stderr
