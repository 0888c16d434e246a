"""The OpenAPI document, and an API that keeps to it whatever is sent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.api.installation import Ask, Installation

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture
def document(ask: Ask) -> dict[str, Any]:
    return ask("GET", "/v1/openapi.json", who="viewer").json()  # type: ignore[no-any-return]


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    paths = document["paths"].items()
    return [(method, path, operation) for path, methods in paths for method, operation in methods.items()]


def test_every_operation_says_what_it_does_and_how_it_fails(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        assert operation.get("description"), (method, path)
        assert "application/problem+json" in operation["responses"]["422"]["content"], (method, path)


def test_every_request_body_has_an_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for method, path, operation in operations(document):
        body = operation.get("requestBody")
        if body is not None:
            name = body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
            assert schemas[name].get("examples"), (method, path)


def test_examples_are_what_their_models_take(document: dict[str, Any]) -> None:
    import schemas.api

    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []):
            getattr(schemas.api, name).model_validate(example)


def test_every_answer_has_an_example_that_its_model_takes(document: dict[str, Any]) -> None:
    import schemas.api

    for method, path, operation in operations(document):
        for answer in operation["responses"].values():
            content = answer.get("content", {}).get("application/json")
            if content is None:
                continue
            model = getattr(schemas.api, content["schema"]["$ref"].rsplit("/", 1)[1])
            assert content["example"] is not None, (method, path)
            # Nothing beyond the model either: an example of yesterday's answer misleads.
            assert model(**content["example"]).model_dump(mode="json").keys() == content["example"].keys(), path


def test_an_error_has_an_example_that_its_model_takes(document: dict[str, Any]) -> None:
    from schemas.api import Problem

    shown = document["paths"]["/v1/alerts"]["get"]["responses"]["422"]["content"]["application/problem+json"]
    assert Problem.model_validate(shown["example"]).errors


def test_the_framework_shows_through_nowhere(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in str(document)


def test_every_route_stands_in_the_documentation(document: dict[str, Any]) -> None:
    written = DOCUMENTATION.read_text(encoding="utf-8")
    for method, path, _ in operations(document):
        assert re.search(rf"`{method.upper()} {re.escape(path)}`", written), f"{method.upper()} {path}"


@pytest.mark.slow
def test_whatever_is_sent_is_answered_as_the_document_says(installation: Installation, ask: Ask) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

    schema = schemathesis.openapi.from_dict(ask("GET", "/v1/openapi.json").json())
    schema.config.update(base_url=installation.url)
    headers = {"authorization": f"Bearer {installation.tokens['admin']}"}
    for result in schema.get_all_operations():
        operation = result.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=40, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def check(case: Any) -> None:
            case.call_and_validate(
                headers=headers,
                checks=[not_a_server_error, content_type_conformance, response_schema_conformance],
            )

        check()
