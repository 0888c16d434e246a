"""Receivers and pipelines that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from response.targets.webhook import WebhookTarget
from tests.response.given import Pipeline
from tests.response.receivers import SECRET, Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """The bank's receiver; it takes everything until it is told otherwise."""
    with Receiver() as running:
        yield running


@pytest.fixture
def bank(receiver: Receiver) -> WebhookTarget:
    """The bank's target."""
    return WebhookTarget("bank", "bank", receiver.url, [SECRET], allow_private=True, deadline_s=0.5)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Callable[..., Pipeline]]:
    """Starts pipelines on one store, each after the one before has ended."""
    with ExitStack() as running:

        def start(**settings: object) -> Pipeline:
            running.close()
            return running.enter_context(Pipeline(tmp_path, **settings))  # type: ignore[arg-type]

        yield start
