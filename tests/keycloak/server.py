"""One real Keycloak on loopback, in development mode and with a database in memory, for tests.

Its distribution comes from Maven Central through `pom.xml` beside this file, once, into `.cache/keycloak/` at the top
of the repository (not under version control). Java 17 or later and `mvn` have to be on the path; where something is
missing `Keycloak.start` raises `UnavailableError` with the reason, and tests are skipped with it.
`SESSIONWATCH_KEYCLOAK=off` skips them without trying.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Self

_POM = Path(__file__).with_name("pom.xml")
_CACHE = _POM.parents[2] / ".cache" / "keycloak"
_FETCH_S = 300
_READY_S = 180
_STOP_S = 20
_ADMIN = {"username": "admin", "password": "admin of the tests", "client_id": "admin-cli", "grant_type": "password"}


class UnavailableError(Exception):
    """Keycloak cannot be fetched or run here; the message says why."""


class Keycloak:
    """A server that forgets everything when it is stopped.

    Args:
        features: preview or experimental ones to switch on.
        options: more of its command line.
    """

    def __init__(self, *features: str, options: Sequence[str] = ()) -> None:
        self._features = features
        self._options = options
        self._port, self._management = _free_ports(2)
        self._server: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._output: IO[bytes] | None = None

    @property
    def url(self) -> str:
        """Where its paths begin."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def version(self) -> str:
        """The version that the pom names."""
        found = re.search(r"<keycloak.version>(.+)</keycloak.version>", _POM.read_text())
        assert found is not None
        return found[1]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and return when it answers.

        Raises:
            UnavailableError: it cannot be fetched or run here.
        """
        if os.environ.get("SESSIONWATCH_KEYCLOAK") == "off":
            raise UnavailableError("SESSIONWATCH_KEYCLOAK=off")
        _tool("java")
        home = self._home()
        environment = {
            **os.environ,
            "KC_BOOTSTRAP_ADMIN_USERNAME": _ADMIN["username"],
            "KC_BOOTSTRAP_ADMIN_PASSWORD": _ADMIN["password"],
            "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m",
            "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
        }
        arguments = [
            "start-dev", "--db=dev-mem", "--cache=local", "--http-host=127.0.0.1", f"--http-port={self._port}",
            f"--http-management-port={self._management}", "--log-level=warn", *self._options,
        ]  # fmt: skip
        if self._features:
            arguments.append(f"--features={','.join(self._features)}")
        self._folder = Path(tempfile.mkdtemp(prefix="keycloak-"))
        self._output = (self._folder / "server.log").open("w+b")
        with (_CACHE / "lock").open("w") as lock:
            # It builds itself into its own folder while it starts.
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                self._server = subprocess.Popen(
                    [str(home / "bin" / "kc.sh"), *arguments],
                    env=environment,
                    stdout=self._output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                self._wait_until_ready()
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Stop it."""
        server, self._server = self._server, None
        if server is not None:
            if server.poll() is None:
                # The script's child is Java.
                os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()
        if self._output is not None:
            self._output.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def admin(self, method: str, path: str, document: object = None) -> Any:
        """Call the admin API as the administrator, and return the answer's JSON."""
        token = self.form("/realms/master/protocol/openid-connect/token", _ADMIN)["access_token"]
        body = None if document is None else json.dumps(document).encode()
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        return self._ask(urllib.request.Request(f"{self.url}/admin{path}", body, headers, method=method))

    def form(self, path: str, fields: dict[str, str]) -> Any:
        """Post a form, and return the answer's JSON; an `HTTPError` for what is refused."""
        return self._ask(urllib.request.Request(self.url + path, urllib.parse.urlencode(fields).encode()))

    @staticmethod
    def _ask(request: urllib.request.Request) -> Any:
        with urllib.request.urlopen(request, timeout=20) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def _home(self) -> Path:
        """Return the folder of the distribution, fetched if it is missing or was made by another pom."""
        stamp = _CACHE / "pom.xml"
        _CACHE.mkdir(parents=True, exist_ok=True)
        with (_CACHE / "lock").open("w") as lock:
            # Test runs side by side fetch once.
            fcntl.flock(lock, fcntl.LOCK_EX)
            home = _CACHE / f"keycloak-{self.version}"
            if stamp.exists() and stamp.read_bytes() == _POM.read_bytes():
                return home
            goal = ["dependency:copy-dependencies", f"-DoutputDirectory={_CACHE}"]
            _run([_tool("mvn"), "-q", "-B", "-f", str(_POM), *goal])
            archive = _CACHE / f"keycloak-quarkus-dist-{self.version}.zip"
            shutil.rmtree(home, ignore_errors=True)
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(_CACHE)
            archive.unlink()
            (home / "bin" / "kc.sh").chmod(0o755)
            stamp.write_bytes(_POM.read_bytes())
            return home

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_S
        while True:
            assert self._server is not None
            try:
                self.form("/realms/master/protocol/openid-connect/token", _ADMIN)
            except (urllib.error.URLError, OSError):
                if self._server.poll() is not None or time.monotonic() > deadline:
                    raise UnavailableError(f"Keycloak does not start: {self._last_words()}") from None
                time.sleep(0.2)
            else:
                return

    def _last_words(self) -> str:
        assert self._output is not None
        self._output.seek(0)
        lines = self._output.read().decode(errors="replace").splitlines()
        return " | ".join(lines[-5:])[:1000]


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise UnavailableError(f"{name} is not installed")
    return path


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_FETCH_S)
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{Path(command[0]).name} did not end within {_FETCH_S} s") from None
    if done.returncode:
        raise UnavailableError(f"{Path(command[0]).name} failed: {(done.stdout + done.stderr).strip()[-500:]}")


def _free_ports(number: int) -> list[int]:
    probes = [socket.socket() for _ in range(number)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
