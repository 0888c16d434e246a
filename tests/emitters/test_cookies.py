from __future__ import annotations

import pytest
from sessionwatch_emitter.cookies import cookie_values


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("", []),
        ("other=1", []),
        ("session=abc", ["abc"]),
        ("a=1; session=abc; b=2", ["abc"]),
        ("session=abc==", ["abc=="]),
        ("xsession=no; session=abc", ["abc"]),
        ("session=", []),
        ("session=one; session=two", ["one", "two"]),
        ("session=one; session=one", ["one"]),
        ('session="abc"', ["abc", '"abc"']),
        (r'session="\141bc"', ["abc", r"\141bc", r'"\141bc"']),
        ("session", []),
    ],
)
def test_every_reading_of_the_cookie_is_found(header: str, values: list[str]) -> None:
    assert cookie_values(header, "session") == values
