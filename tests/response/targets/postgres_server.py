"""A PostgreSQL server of the tests' own, on a socket in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.counterparts import met

_DEBIAN = Path("/usr/lib/postgresql")
# It refuses to run as root.
_NOBODY = "nobody"
_START_S = 30


class UnavailableError(Exception):
    """PostgreSQL cannot be run here; the message says why."""


@contextmanager
def postgres_server() -> Iterator[tuple[str, int]]:
    """Runs a server that keeps nothing, with the user and database `sessions`: its socket's folder, and its port."""
    programs = _programs()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="sw-pg-") as folder:
        user = _user(folder)
        _run([str(programs / "initdb"), "-D", f"{folder}/data", "-A", "trust", "-U", "sessions", "-N"], user)
        options = f"-p {port} -k {folder} -c listen_addresses='' -c fsync=off"
        control = [str(programs / "pg_ctl"), "-D", f"{folder}/data", "-l", f"{folder}/log"]
        _run([*control, "-o", options, "-t", str(_START_S), "-w", "start"], user)
        try:
            _run([str(programs / "createdb"), "-h", folder, "-p", str(port), "-U", "sessions", "sessions"], user)
            version = subprocess.run(
                [str(programs / "postgres"), "--version"], capture_output=True, text=True, check=True
            )
            met("PostgreSQL", version.stdout.split()[2])
            yield folder, port
        finally:
            _run([*control, "-m", "immediate", "-w", "stop"], user)


def _programs() -> Path:
    found = sorted(_DEBIAN.glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("initdb")
    if elsewhere is None:
        raise UnavailableError("initdb is not installed")
    return Path(elsewhere).resolve().parent


def _user(folder: str) -> str | None:
    """Return as whom to run it, and let them into the folder; None = as who we are."""
    if os.getuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam(_NOBODY)
    except KeyError:
        raise UnavailableError(f"it does not run as root, and there is no user {_NOBODY}") from None
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return _NOBODY


def _run(command: list[str], user: str | None) -> None:
    done = subprocess.run(
        command, user=user, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, timeout=2 * _START_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise UnavailableError(f"{Path(command[0]).name} failed: {done.stderr.strip()[-200:]}")
