"""YAML with the place of every key, since a refusal names line and key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from sigma.exceptions import SigmaRuleLocation

from detectors.sigma.errors import Problem, SigmaRefused

Where = tuple[str | int, ...]
"""A way into a document: keys and positions in lists."""

LARGEST_SOURCE = 1_048_576
"""Characters of one file; the largest public rule collections stay far below it a rule."""


@dataclass(frozen=True, slots=True)
class SigmaSource:
    """The text of a file.

    Attributes:
        name: as the user named it, for messages.
    """

    name: str
    text: str


@dataclass(slots=True)
class Document:
    """One YAML document of a file: a rule, or a correlation.

    Attributes:
        line: where it begins, from 1.
        content: as plain values.
        marks: line and column of each key or list item, from 1.
    """

    file: str
    line: int
    content: dict[str, Any]
    marks: dict[Where, tuple[int, int]] = field(default_factory=dict)

    def problem(self, where: Where, message: str) -> Problem:
        """Return a problem at a place, or at the nearest one around it that the file has."""
        known = where
        while known and known not in self.marks:
            known = known[:-1]
        line = self.marks[known][0] if known else self.line
        return Problem(self.file, line, show(where), message)

    def location(self, where: Where) -> SigmaRuleLocation:
        """Return a place in the form that pySigma carries through a rule."""
        line, column = self.marks.get(where, (self.line, 1))
        # It makes a path of a text by itself.
        return SigmaRuleLocation(self.file, line, column)  # type: ignore[arg-type]

    def at(self, source: SigmaRuleLocation | None, otherwise: Where) -> Where:
        """Return the way to a place that pySigma carried through, or another where it carried none."""
        if source is None or source.char is None:
            return otherwise
        wanted = (source.line, source.char)
        # Of a mapping in a list both begin at one place: the innermost is meant.
        found = [where for where, mark in self.marks.items() if mark == wanted]
        return max(found, key=len, default=otherwise)


def show(where: Where) -> str:
    """Return a way into a document as people write it."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in where)
    return text.removeprefix(".") or "rule"


def read_documents(source: SigmaSource) -> list[Document]:
    """Return the documents of a file.

    Raises:
        SigmaRefused: it is not YAML, or a document is no mapping.
    """
    if len(source.text) > LARGEST_SOURCE:
        raise SigmaRefused([Problem(source.name, 1, "file", "larger than 1 MiB, which is no rule")])
    loader = yaml.CSafeLoader(source.text)
    try:
        return list(_documents(source.name, loader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SigmaRefused([Problem(source.name, line, "file", f"not YAML: {error.problem}")]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, SigmaRefused):
            raise
        raise SigmaRefused([Problem(source.name, 1, "file", f"not YAML: {error}")]) from None
    finally:
        loader.dispose()


def _documents(file: str, loader: yaml.CSafeLoader) -> Iterator[Document]:
    while loader.check_node():
        node = loader.get_node()
        assert node is not None, "check_node says that there is one"
        line = node.start_mark.line + 1
        marks: dict[Where, tuple[int, int]] = {}
        for problem in _mark(file, node, (), marks, set()):
            raise SigmaRefused([problem])
        content = loader.construct_document(node)
        if content is None:
            continue
        if not isinstance(content, dict):
            raise SigmaRefused([Problem(file, line, "rule", "expected a mapping with title, logsource and detection")])
        yield Document(file, line, content, marks)


def _mark(
    file: str, node: yaml.Node, where: Where, marks: dict[Where, tuple[int, int]], seen: set[int]
) -> Iterator[Problem]:
    """Note where each key stands; yield keys that are written twice, of which YAML would take the last."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*where, str(key.value))
            if below in marks:
                yield Problem(file, key.start_mark.line + 1, show(below), "written twice")
            marks[below] = (key.start_mark.line + 1, key.start_mark.column + 1)
            yield from _mark(file, value, below, marks, seen)
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            below = (*where, position)
            marks[below] = (item.start_mark.line + 1, item.start_mark.column + 1)
            yield from _mark(file, item, below, marks, seen)
