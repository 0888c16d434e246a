"""The console's tests ask one real pipeline with its API; Streamlit's AppTest stands for the browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from dashboard.client import Api
from tests.browser.rig import ANALYST, VIEWER, Stage, pipeline
from tests.browser.story import story


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory, broker: str) -> Iterator[Stage]:
    """The pipeline after four hours with thefts in them."""
    with ExitStack() as parts:
        yield parts.enter_context(pipeline(tmp_path_factory.mktemp("console"), broker, story().events))


@pytest.fixture
def connections(watched: Stage) -> Iterator[httpx.Client]:
    """Connections to its API."""
    with httpx.Client(base_url=watched.api_url, timeout=20) as opened:
        yield opened


@pytest.fixture
def analyst(connections: httpx.Client) -> Api:
    """The API for an analyst."""
    return Api(connections, ANALYST)


@pytest.fixture
def viewer(connections: httpx.Client) -> Api:
    """The API for a viewer."""
    return Api(connections, VIEWER)
