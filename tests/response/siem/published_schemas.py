"""Judges documents by the published schemas."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from schemas.instant import parse_rfc3339

FOLDER = Path(__file__).parent / "published"
OCSF = Draft202012Validator(json.loads((FOLDER / "ocsf-1.8.0-detection_finding.json").read_text()))
ECS = json.loads((FOLDER / "ecs-9.4.0-fields.json").read_text())["fields"]

OWN = "sessionwatch"
"""The namespace of custom fields, which the schema's guidelines leave to the vendor."""


def ocsf_problems(document: object) -> list[str]:
    """What keeps a document from being a Detection Finding."""
    return [f"{problem.json_path}: {problem.message}" for problem in OCSF.iter_errors(document)]


def ecs_problems(document: dict[str, Any]) -> list[str]:
    """What keeps a document from being one of ECS: unknown fields, wrong types, values and combinations."""
    problems = []
    flat = dict(_flat(document))
    for name, value in flat.items():
        field = ECS.get(name)
        if name.split(".")[0] == OWN:
            continue
        if field is None:
            problems.append(f"{name}: no such field")
        else:
            problems += [f"{name}: {problem}" for problem in _field_problems(field, value)]
    problems += [f"{name}: is missing" for name, field in ECS.items() if field.get("required") and name not in flat]
    expected = ECS["event.category"]["expected_event_types"]
    for category in flat.get("event.category", []):
        for kind in flat.get("event.type", []):
            if kind not in expected.get(category, [kind]):
                problems.append(f"event.type: {kind} is not expected of {category}")
    return problems


def _flat(document: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _field_problems(field: dict[str, Any], value: Any) -> Iterator[str]:
    if isinstance(value, list) != field.get("array", False):
        yield "expected a list" if field.get("array") else "expected no list"
    for one in value if isinstance(value, list) else [value]:
        if not _fits(field["type"], one):
            yield f"{one!r} is no {field['type']}"
        elif "allowed" in field and one not in field["allowed"]:
            yield f"{one!r} is not among the allowed values"
        elif isinstance(one, str) and len(one) > field.get("ignore_above", len(one)):
            yield "too long to be indexed"


def _fits(kind: str, value: object) -> bool:
    match kind:
        case "keyword" | "wildcard" | "match_only_text" | "text" | "constant_keyword":
            return isinstance(value, str)
        case "long" | "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float" | "scaled_float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "ip":
            return isinstance(value, str) and _parses(ipaddress.ip_address, value)
        case "date":
            return isinstance(value, str) and _parses(parse_rfc3339, value)
    raise AssertionError(f"this test knows no {kind}")


def _parses(parse: Any, text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True
