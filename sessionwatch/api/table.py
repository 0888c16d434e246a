"""Answers as JSON or, where a client accepts it, as an Arrow stream."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin
from urllib.parse import urlencode

import pyarrow as pa
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

ARROW = "application/vnd.apache.arrow.stream"
_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
_INSTANT = pa.timestamp("us", tz="UTC")


def whole(answer: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return one answer as JSON."""
    # Not by the framework: it would check and copy every row once more.
    return Response(answer.model_dump_json(), status, headers, "application/json")


def page(request: Request, answer: BaseModel, rows: Sequence[BaseModel], kind: type[BaseModel]) -> Response:
    """Return a page in the form that the client accepts.

    Args:
        request: says which, by its Accept header.
        answer: the page.
        rows: what is on it.
        kind: the rows' model, which also makes the columns of an empty page.
    """
    headers = _link(request, getattr(answer, "next", None)) | {"vary": "accept"}
    if ARROW in request.headers.get("accept", ""):
        return Response(arrow(rows, kind), headers=headers, media_type=ARROW)
    return whole(answer, headers=headers)


def arrow(rows: Sequence[BaseModel], kind: type[BaseModel]) -> bytes:
    """Return rows as an Arrow stream: a column a field; what has fields of its own is JSON text."""
    schema = pa.schema([pa.field(name, _type(field.annotation)) for name, field in kind.model_fields.items()])
    columns = [pa.array([_value(getattr(row, field.name), field.type) for row in rows], field.type) for field in schema]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        stream.write_table(pa.Table.from_arrays(columns, schema=schema))
    return bytes(sink.getvalue().to_pybytes())


def _link(request: Request, following: str | None) -> dict[str, str]:
    if following is None:
        return {}
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return {"link": f'<?{urlencode([*asked, ("cursor", following)])}>; rel="next"'}


def _type(annotation: Any) -> pa.DataType:
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(part for part in get_args(annotation) if part is not NoneType)
    if annotation is datetime:
        return _INSTANT
    return _TYPES.get(annotation, pa.string())


def _value(value: Any, kind: pa.DataType) -> Any:
    if value is None or kind != pa.string() or (isinstance(value, str) and not isinstance(value, Enum)):
        return value
    return value.value if isinstance(value, Enum) else to_json(value).decode()
