"""Findings as texts of a bounded size, in the schema that a destination wants."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from response.siem.ecs import ecs_alert
from response.siem.finding import Finding, Room
from response.siem.ocsf import detection_finding
from schemas.alert import MAX_EVIDENCE

Format = Literal["ocsf", "ecs"]

_MAKE: dict[Format, Callable[[Finding, Room], dict[str, Any]]] = {"ocsf": detection_finding, "ecs": ecs_alert}
_ROOMS = (
    Room(MAX_EVIDENCE), Room(5), Room(0), Room(0, 60, 60),
    Room(0, is_whole=False), Room(0, 60, 60, is_whole=False), Room(0, 16, 45, is_whole=False),
)  # fmt: skip
"""Tried in this order: what was found comes before the events that it was found in. The last has room for any address,
and fits a syslog message whatever is told: a character takes twelve bytes at most."""


def encode(finding: Finding, form: Format, max_bytes: int) -> str:
    """Return a finding as JSON on one line of ASCII: no way that it may take has an opinion about its encoding.

    Args:
        finding: what is told.
        form: the schema.
        max_bytes: the greatest length; evidence is left out, and at last texts are cut, until it fits.
    """
    text = ""
    for room in _ROOMS:
        text = json.dumps(_MAKE[form](finding, room), separators=(",", ":"))
        if len(text) <= max_bytes:
            break
    return text


class _Event(msgspec.Struct):
    severity: int


class _Ecs(msgspec.Struct):
    event: _Event


class _Ocsf(msgspec.Struct):
    severity_id: int


def severity_of(document: str, form: Format) -> int:
    """Return the severity that a document states, 1 (informational) to 5 (critical)."""
    if form == "ocsf":
        return msgspec.json.decode(document, type=_Ocsf).severity_id
    return msgspec.json.decode(document, type=_Ecs).event.severity
