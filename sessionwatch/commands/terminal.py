"""What commands say: results on standard output, everything else on standard error."""

from __future__ import annotations

import json

import typer


def say(text: str) -> None:
    """Write a line to standard error."""
    typer.echo(text, err=True)


def print_text(text: str) -> None:
    """Write a line of the result."""
    typer.echo(text)


def print_json(value: object) -> None:
    """Write one JSON object of the result, on a line of its own."""
    typer.echo(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))
