"""JSON as the event contract wants it: no duplicate keys, no NaN, no number beyond 64 bits, no deep nesting."""

from __future__ import annotations

import json
import math
from typing import NoReturn

from schemas.limits import INT64_MAX, INT64_MIN, MAX_DEPTH, MAX_EVENT_BYTES
from schemas.refusal import Reason, Refused

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


def parse_object(value: bytes) -> dict[str, Json]:
    """Return the JSON object in a record's value.

    Raises:
        Refused: too_large, not_json, duplicate_key, not_finite, too_deep or not_object.
    """
    if len(value) > MAX_EVENT_BYTES:
        raise Refused(Reason.TOO_LARGE, detail=f"{len(value)} bytes, at most {MAX_EVENT_BYTES}")
    try:
        # Not `json.loads(bytes)`: that would guess UTF-16 and UTF-32.
        parsed = _decoder.decode(value.decode("utf-8"))
    except RecursionError:
        raise Refused(Reason.TOO_DEEP, detail=f"at most {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise Refused(Reason.NOT_JSON, detail=_where(error)) from None
    if not isinstance(parsed, dict):
        raise Refused(Reason.NOT_OBJECT, detail=f"expected an object, not {_name(parsed)}")
    for field in parsed.values():
        if type(field) in (dict, list) and depth(field) >= MAX_DEPTH:
            raise Refused(Reason.TOO_DEEP, detail=f"at most {MAX_DEPTH} levels")
    return parsed


def depth(value: Json) -> int:
    """Return how many levels of objects and arrays a value has; a scalar has none."""
    levels = 0
    layer: list[Json] = [value]
    while layer := [item for item in layer if isinstance(item, dict | list)]:
        levels += 1
        layer = [child for item in layer for child in (item.values() if isinstance(item, dict) else item)]
    return levels


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Refused(Reason.DUPLICATE_KEY, detail="a name occurs twice in one object")
    return fields


def _integer(text: str) -> int:
    # Shorter ones fit; longer ones are not even converted, since that costs the square of their length.
    if len(text) > 20 or not INT64_MIN <= (number := int(text)) <= INT64_MAX:
        raise Refused(Reason.NOT_FINITE, detail="a number beyond 64 bits")
    return number


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Refused(Reason.NOT_FINITE, detail="a number beyond 64 bits")
    return number


def _constant(_text: str) -> NoReturn:
    raise Refused(Reason.NOT_FINITE, detail="NaN and Infinity are no JSON")


def _where(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"at character {error.pos}"
    return "not UTF-8"


def _name(value: Json) -> str:
    return {list: "an array", str: "a text", bool: "a boolean", type(None): "null"}.get(type(value), "a number")


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)
