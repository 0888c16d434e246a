"""One real Apache Kafka node (KRaft, combined broker and controller) on loopback, for tests.

What it needs comes from Maven Central through `pom.xml` beside this file, once, into `.cache/kafka/` at the
top of the repository (not under version control). Java 17 or later and `mvn` have to be on the path; where
something is missing `ApacheKafka.start` raises `UnavailableError` with the reason, and tests are skipped with
it. `SESSIONWATCH_APACHE_KAFKA=off` skips them without trying.

The node has two listeners: plain text, and TLS with SASL (PLAIN and SCRAM-SHA-512) by its own certificate.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

_POM = Path(__file__).with_name("pom.xml")
_CACHE = _POM.parents[2] / ".cache" / "kafka"
_FETCH_S = 300
_READY_S = 60
_STOP_S = 10

USER = "sessionwatch-test"
PASSWORD = "correct horse battery staple"


class UnavailableError(Exception):
    """Apache Kafka cannot be fetched or run here; the message says why."""


class ApacheKafka:
    """A node with an empty log in a temporary folder, gone when stopped."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._node: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        self._plain, self._secure, self._controller = _free_ports(3)

    @property
    def bootstrap_servers(self) -> str:
        """Address of the plain listener."""
        return f"127.0.0.1:{self._plain}"

    @property
    def version(self) -> str:
        """The version that the pom names, with how it runs."""
        found = re.search(r"<kafka.version>(.+)</kafka.version>", _POM.read_text())
        assert found is not None
        return f"{found[1]} (KRaft, one node)"

    def secure_settings(self, mechanism: str) -> dict[str, object]:
        """Return client settings for the TLS listener, with the mechanism PLAIN or SCRAM-SHA-512."""
        assert self._folder is not None
        return {
            "bootstrap_servers": f"127.0.0.1:{self._secure}",
            "security_protocol": "SASL_SSL",
            "ssl_cafile": str(self._folder / "certificate.pem"),
            "sasl_mechanism": mechanism,
            "sasl_plain_username": USER,
            "sasl_plain_password": PASSWORD,
        }

    def start(self) -> None:
        """Start the node, and return when it answers.

        Raises:
            UnavailableError: it cannot be fetched or run here.
        """
        if os.environ.get("SESSIONWATCH_APACHE_KAFKA") == "off":
            raise UnavailableError("SESSIONWATCH_APACHE_KAFKA=off")
        java = _tool("java")
        classpath = f"{_libraries()}/*"
        self._folder = Path(tempfile.mkdtemp(prefix="apache-kafka-"))
        try:
            _make_certificate(self._folder)
            settings = self._write_settings(self._folder)
            options = [
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                f"-Dlog4j2.configurationFile={_log_file(self._folder)}",
            ]
            command = [java, "-Xmx512m", *options, "-cp", classpath]
            cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            scram = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
            _run(
                [
                    *command,
                    "kafka.tools.StorageTool",
                    "format",
                    "-t",
                    cluster,
                    "-c",
                    str(settings),
                    "-S",
                    scram,
                ]
            )
            self._output = (self._folder / "node.log").open("w+b")
            self._node = subprocess.Popen(
                [*command, "kafka.Kafka", str(settings)], stdout=self._output, stderr=subprocess.STDOUT
            )
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the node and delete what it kept."""
        node, self._node = self._node, None
        if node is not None:
            node.terminate()
            try:
                node.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                node.kill()
                node.wait()
        if self._output is not None:
            self._output.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _write_settings(self, folder: Path) -> Path:
        login = f'username="{USER}" password="{PASSWORD}"'
        modules = "org.apache.kafka.common.security"
        plain = f'{modules}.plain.PlainLoginModule required {login} user_{USER}="{PASSWORD}";'
        scram = f"{modules}.scram.ScramLoginModule required;"
        listeners = f"PLAINTEXT://127.0.0.1:{self._plain},SASL_SSL://127.0.0.1:{self._secure}"
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{self._controller}",
            "advertised.listeners": listeners,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": plain,
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": scram,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(folder / "keystore.pem"),
            "log.dirs": str(folder / "log"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
        }
        path = folder / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return path

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_S
        while not _answers(self.bootstrap_servers):
            assert self._node is not None
            assert self._output is not None
            if self._node.poll() is not None or time.monotonic() > deadline:
                self._output.seek(0)
                lines = self._output.read().decode(errors="replace").splitlines()
                raise UnavailableError(f"Apache Kafka does not start: {' | '.join(lines[-5:])[:1000]}")
            time.sleep(0.1)


def _libraries() -> Path:
    """Return the folder of Kafka's libraries, fetched if they are missing or were made by another pom."""
    folder = _CACHE / "libs"
    stamp = _CACHE / "pom.xml"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        # Test runs side by side fetch once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_bytes() == _POM.read_bytes():
            return folder
        maven = _tool("mvn")
        shutil.rmtree(folder, ignore_errors=True)
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
        _run([maven, "-q", "-B", "-f", str(_POM), *goal])
        stamp.write_bytes(_POM.read_bytes())
        return folder


def _log_file(folder: Path) -> Path:
    path = folder / "log4j2.properties"
    path.write_text(
        "rootLogger.level=WARN\nrootLogger.appenderRef.out.ref=out\n"
        "appender.out.type=Console\nappender.out.name=out\n"
        "appender.out.layout.type=PatternLayout\nappender.out.layout.pattern=%p %m%n\n"
    )
    return path


def _make_certificate(folder: Path) -> None:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    out = ["-keyout", str(key), "-out", str(certificate)]
    _run([_tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, *out])
    (folder / "keystore.pem").write_bytes(key.read_bytes() + certificate.read_bytes())


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise UnavailableError(f"{name} is not installed")
    return path


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_FETCH_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{Path(command[0]).name} did not end within {_FETCH_S} s") from error
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()
        raise UnavailableError(f"{Path(command[0]).name} failed: {' | '.join(lines[:3])[:500]}")


def _answers(bootstrap_servers: str) -> bool:
    host, _, port = bootstrap_servers.partition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
        admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers, bootstrap_timeout_ms=2000)
    except (OSError, KafkaError):
        return False
    try:
        return bool(admin.describe_cluster()["brokers"])
    except KafkaError:
        return False
    finally:
        admin.close()


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
