"""The OpenAPI document: made from the routes and models, with errors as they are really answered."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from schemas.api import Problem
from sessionwatch import __version__
from sessionwatch.api.problem import MEDIA_TYPE

_ABOUT = """\
What sessionwatch knows, and what people may do about it. Every request but `POST /v1/sign-in`, and some of
`POST /v1/links/use`, needs a bearer token; its role is one of viewer, analyst, engineer, admin, and it may be limited
to apps. Errors are problem details (RFC 9457). Lists end with a cursor; those marked
so also come as an Arrow stream, by `Accept`.
"""
_PROBLEM = {
    "description": "What is wrong, and what to do.",
    "content": {
        MEDIA_TYPE: {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "example": {
                "type": "about:blank",
                "title": "Unprocessable Entity",
                "status": 422,
                "detail": "the request is not as the API expects it",
                "errors": [{"where": "body.reason", "what": "String should have at least 3 characters"}],
            },
        }
    },
}
_ERRORS = ("400", "401", "403", "404", "409", "413", "414", "421", "422", "429", "503")


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """Return the document of an application's routes."""
    document = get_openapi(
        title="sessionwatch", version=__version__, summary="Stolen sessions, seen and taken away.",
        description=_ABOUT, routes=app.routes,
    )  # fmt: skip
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    # The framework's own idea of an error is never answered.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    examples = answer_examples()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation["responses"].pop("422", None)
            _show(operation, examples.get(f"{method.upper()} {path}"))
            operation["responses"].update(dict.fromkeys(_ERRORS, _PROBLEM))
    return document


def answer_examples() -> dict[str, Any]:
    """Return an answer of each route, by "METHOD /path": taken down from a pipeline, and shortened."""
    text = files(__package__).joinpath("examples.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


def _show(operation: dict[str, Any], example: Any) -> None:
    for answer in operation["responses"].values():
        if "application/json" in answer.get("content", {}):
            answer["content"]["application/json"]["example"] = example
