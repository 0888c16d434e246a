"""Notes which real counterparts a test run has met, so that `.ci/run` can say so."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / ".cache" / "counterparts"


def met(name: str, version: str) -> None:
    """Note that tests ran against a real counterpart, such as Apache Kafka 4.4.0."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / name).write_text(f"- {name} {version}\n")
