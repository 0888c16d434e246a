"""Configuration files for the front door's tests."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sessionwatch.config import Settings, load
from sessionwatch.errors import ConfigurationError

Read = Callable[..., Settings]
Problems = Callable[..., list[str]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Settings from the text of a file and an environment."""

    def reading(text: str = "", environ: Mapping[str, str] | None = None) -> Settings:
        file = tmp_path / "sessionwatch.toml"
        file.write_text(text, encoding="utf-8")
        return load(file, environ or {})

    return reading


@pytest.fixture
def problems(read: Read) -> Problems:
    """What is wrong with the text of a file and an environment; nothing, if it is valid."""

    def finding(text: str = "", environ: Mapping[str, str] | None = None) -> list[str]:
        try:
            read(text, environ)
        except ConfigurationError as error:
            return error.problems
        return []

    return finding


@pytest.fixture
def webhook_secret(tmp_path: Path) -> Path:
    """A file with a webhook secret."""
    return private_file(tmp_path / "bank.whsec", webhook_secret_text(b"a"))


def webhook_secret_text(byte: bytes) -> str:
    return "whsec_" + base64.b64encode(byte * 32).decode()


def signing_key_text(key_id: str, byte: bytes) -> str:
    return f"{key_id}:" + base64.b64encode(byte * 32).decode()


def private_file(path: Path, text: str) -> Path:
    """A file that only its owner may read."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path
