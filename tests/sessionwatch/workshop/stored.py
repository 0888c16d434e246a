"""A store that holds the events of scenarios, as a pipeline would have written them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ingest.decode import decode_event
from ingest.enrich import Enricher
from ingest.places import Places
from sample_logs.scenario import CONFIGURATION, FOLDER
from schemas.event import Event
from sessionwatch.config import Settings, load
from sessionwatch.config.parts import declared_apps, known_networks
from store.database import Database


def events_of(*names: str) -> list[Event]:
    """Return the enriched events of scenarios."""
    settings = load(FOLDER / CONFIGURATION)
    events = [decode_event(line) for name in names for line in (FOLDER / f"{name}.jsonl").read_bytes().splitlines()]
    for event in events:
        event.arrival_us = event.time_us
    Enricher(Places(known_networks(settings)), declared_apps(settings)).enrich(events)
    return events


def write_configuration(folder: Path, *, extra: str = "") -> Path:
    """Write the scenarios' configuration with a store of its own, and a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = (FOLDER / CONFIGURATION).read_text()
    file = folder / "sessionwatch.toml"
    file.write_text(f'[store]\npath = "data/events.duckdb"\n[api]\nlisten = "127.0.0.1:{port}"\n{extra}\n{text}')
    return file


def store(settings: Settings, events: list[Event]) -> None:
    """Append events to the store of a configuration."""
    with Database.open(settings.store.path) as database:
        writer = database.writer()
        with writer.transaction():
            writer.append_events(events)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration and a store with a theft and an ordinary morning in it."""
    file = write_configuration(tmp_path)
    store(load(file), events_of("stolen-next-door", "commuter", "office-egress"))
    return file
