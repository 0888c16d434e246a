"""The shape of the configuration, read from its models: for environment, messages and documentation alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import BaseMetadata
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from detectors.parameters import parse_duration
from sessionwatch.config.value_types import Described, EnvironmentOnly

Location = tuple[str | int, ...]
"""Where a value stands: keys and indexes from the top."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What may stand at one place.

    Attributes:
        type: the bare type, or `typing.Literal`.
        arguments: of a generic type or a literal.
        marks: everything that annotations say about it.
    """

    type: Any
    arguments: tuple[Any, ...]
    marks: tuple[object, ...]

    @classmethod
    def of(cls, annotation: Any, marks: Iterable[object] = ()) -> Shape:
        """Read an annotation; being optional is no part of a shape."""
        gathered = list(marks)
        while True:
            origin = get_origin(annotation)
            if origin is Annotated:
                annotation, *more = get_args(annotation)
                gathered.extend(more)
            elif origin in (Union, UnionType):
                (annotation,) = (part for part in get_args(annotation) if part is not NoneType)
            else:
                break
        # Constraints inside `Annotated` arrive wrapped in a field.
        flat: list[object] = []
        for mark in gathered:
            flat.extend(mark.metadata if isinstance(mark, FieldInfo) else [mark])
        return cls(origin or annotation, get_args(annotation), tuple(flat))

    @classmethod
    def of_field(cls, field: FieldInfo) -> Shape:
        """Read a model's field."""
        return cls.of(field.annotation, field.metadata)

    @property
    def model(self) -> type[BaseModel] | None:
        """The model of a table with known keys."""
        return self.type if isinstance(self.type, type) and issubclass(self.type, BaseModel) else None

    @property
    def is_map(self) -> bool:
        """Whether it is a table whose keys the user names."""
        return self.type is dict

    @property
    def is_list(self) -> bool:
        """Whether it is an array."""
        return self.type in (tuple, list)

    @property
    def is_secret(self) -> bool:
        """Whether its value may stand in the environment or a file of its own only."""
        return any(isinstance(mark, EnvironmentOnly) for mark in self.marks)

    @property
    def is_duration(self) -> bool:
        """Whether it is written as a duration and kept in microseconds."""
        return any(isinstance(mark, BeforeValidator) and mark.func is parse_duration for mark in self.marks)

    @property
    def item(self) -> Shape:
        """The shape of what a list or a map holds."""
        return Shape.of(self.arguments[1 if self.is_map else 0])

    @property
    def choices(self) -> tuple[str, ...]:
        """The words among which a value is one, or nothing."""
        if self.type is Literal:
            return tuple(str(argument) for argument in self.arguments)
        if isinstance(self.type, type) and issubclass(self.type, Enum):
            return tuple(str(member.value) for member in self.type)
        return ()

    def child(self, key: str | int) -> Shape | None:
        """Return the shape at a key or index, or None where there is none."""
        if self.model is not None:
            field = self.model.model_fields.get(str(key))
            return Shape.of_field(field) if field is not None else None
        if (self.is_map and isinstance(key, str)) or (self.is_list and isinstance(key, int)):
            return self.item
        return None

    def at(self, location: Sequence[str | int]) -> Shape | None:
        """Return the shape at a location below, or None where there is none."""
        shape: Shape | None = self
        for key in location:
            if shape is None:
                return None
            shape = shape.child(key)
        return shape

    def describe(self) -> str:
        """Return what is expected here, in words."""
        for mark in reversed(self.marks):
            if isinstance(mark, Described):
                return mark.text
        if self.choices:
            return "one of " + ", ".join(self.choices) if len(self.choices) > 1 else f'"{self.choices[0]}"'
        if self.is_list:
            return f"list of {self.item.describe()}" if self.item.model is None else "list of tables"
        if self.model is not None or self.is_map:
            return "table"
        if self.is_duration:
            return 'duration such as "15m"'
        words = {bool: "true or false", int: "whole number", float: "number", str: "text"}
        return words.get(self.type, "value") + self._bounds()

    def _bounds(self) -> str:
        words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
        found = [
            f"{word} {bound}"
            for name, word in words.items()
            for mark in self.marks
            if isinstance(mark, BaseMetadata) and (bound := getattr(mark, name, None)) is not None
        ]
        return f" ({' and '.join(found)})" if found else ""


def conform(value: object, shape: Shape | None) -> object:
    """Return a value from TOML with arrays as tuples where the models have tuples, since these are strict."""
    if shape is None:
        return value
    if isinstance(value, dict):
        return {key: conform(item, shape.child(key)) for key, item in value.items()}
    if isinstance(value, list) and shape.is_list:
        return shape.type(conform(item, shape.item) for item in value)
    return value


def show_location(location: Sequence[str | int]) -> str:
    """Return a location as in ``response.targets[0].url``, with quotes where TOML needs them."""
    text = ""
    for key in location:
        if isinstance(key, int):
            text += f"[{key}]"
            continue
        bare = key.isascii() and key.replace("-", "a").replace("_", "a").isalnum()
        shown = key if bare else '"' + "".join(char if char.isprintable() else "�" for char in key)[:80] + '"'
        text += f".{shown}" if text else shown
    return text
