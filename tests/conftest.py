"""Brokers for every room's tests: the development broker, and Apache Kafka where it can be had."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from ingest.broker import DevelopmentBroker
from tests.counterparts import met
from tests.kafka.apache import ApacheKafka, UnavailableError

# On a machine that is shared an example that had to wait for its turn has not failed.
settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")


def pytest_configure(config: pytest.Config) -> None:
    # kafka-python 3.0.12 leaves the sockets of refused connections to the garbage collector.
    config.addinivalue_line("filterwarnings", r"ignore:unclosed <socket.socket .*laddr=.'0\.0\.0\.0':ResourceWarning")
    # Else a pipeline in this process would write its log among the results of a command that a test looks at.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """A development broker for the whole run: its address."""
    with DevelopmentBroker() as running:
        yield running.bootstrap_servers


@pytest.fixture(scope="session")
def apache() -> Iterator[ApacheKafka]:
    """An Apache Kafka node for the whole run."""
    try:
        node = ApacheKafka()
        node.start()
    except UnavailableError as reason:
        pytest.skip(f"no Apache Kafka: {reason}")
    met("Apache Kafka", node.version)
    yield node
    node.stop()


@pytest.fixture(scope="session", params=["development", pytest.param("apache", marks=pytest.mark.apache)])
def kafka(request: pytest.FixtureRequest) -> str:
    """Address of a broker; every test that asks for it runs on both kinds."""
    if request.param == "development":
        return str(request.getfixturevalue("broker"))
    node: ApacheKafka = request.getfixturevalue("apache")
    return node.bootstrap_servers
