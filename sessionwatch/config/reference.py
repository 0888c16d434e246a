"""The page with every key: `python -m sessionwatch.config.reference` writes `docs/configuration.md`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from detectors.learned import LEARNED
from detectors.parameters import format_duration
from detectors.provider import PROVIDER
from detectors.rules import BUILTIN
from sessionwatch.config.environment import variable_name
from sessionwatch.config.kafka import OWN
from sessionwatch.config.load import file_model
from sessionwatch.config.rules import RuleClasses
from sessionwatch.config.settings import Settings
from sessionwatch.config.shape import Location, Shape

_INTRODUCTION = """\
# Configuration

<!-- Made by `python -m sessionwatch.config.reference`, held by a test: change the models, run it again. -->

`sessionwatch` reads one TOML file: `--config FILE`, else `sessionwatch.toml` in the working directory. An
empty file is valid, and the default file may be missing. `sessionwatch config check` names everything
that is wrong, one line each, and then what is allowed but probably not meant.

- **Durations** are texts: `"500ms"`, `"30s"`, `"15m"`, `"12h"`, `"28d"`.
- **Paths** are relative to the folder of the configuration file.
- **Environment.** Keys have a variable, which wins over the file. In its name `-` and `.` are `_`, and
  case does not matter. Lists are written `a,b` or as in TOML. Items of a list that have a `name` are
  addressed by it (`SESSIONWATCH__RESPONSE__TARGETS__BANK__URL`); the others can be set in the file only.
- **Secrets** never stand in the file: each has a `…_file` and a `…_command` beside it, or comes from the
  environment ([operations.md](operations.md#secrets-and-certificates)). URLs may hold a token too: they are
  masked wherever they are shown, and have a `url_file`.
- **Unknown keys and wrong values** are refused, with the nearest valid one. What a later version will
  bring is refused as "not in this version".
- **By app**, a rule takes the same keys again: `[rules.user-multi-ip.apps.bank]`. What is left out there
  is as in `[rules.user-multi-ip]`.
- **A timeout that is not set** is not declared, and nothing is judged by it.
- **`[kafka]`** passes every further key to kafka-python under the client's own name; one left out keeps
  the client's default.

| key | type | default | meaning | environment |
|---|---|---|---|---|
"""

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"

SHIPPED: RuleClasses = {**BUILTIN, **LEARNED, **PROVIDER}

_FILE_ONLY = "in the file only"


@dataclass(frozen=True, slots=True)
class Row:
    """One key of the configuration."""

    key: str
    type: str
    default: str
    meaning: str
    variable: str

    def __str__(self) -> str:
        cells = (f"`{self.key}`", self.type, self.default, self.meaning, self.variable)
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def render(rules: RuleClasses = SHIPPED) -> str:
    """Return the whole page."""
    return _INTRODUCTION + "".join(f"{row}\n" for row in rows(rules))


def rows(rules: RuleClasses = SHIPPED) -> Iterator[Row]:
    """Yield a row for every key, in the order of the file."""
    root = Shape.of(file_model(rules))
    rules_table = root.child("rules")
    assert rules_table is not None
    for name in Settings.model_fields:
        if name != "rules":
            yield from _below((name,), root, root)
    for rule_id, rule in rules.items():
        for row in _below(("rules", rule_id), root, rules_table):
            if row.key.endswith(".mode"):
                yield _with_default(row, f'`"{rule.mode}"`')
            elif row.key.endswith(".severity"):
                yield _with_default(row, f'by the evidence, at most `"{rule.severity}"`')
            else:
                yield row


def _below(location: Location, root: Shape, parent: Shape) -> Iterator[Row]:
    """Yield the rows at and below a place; `<name>` stands for keys that the user names."""
    shape = parent.child(location[-1])
    assert shape is not None
    if shape.model is not None:
        for name in shape.model.model_fields:
            # By app the same keys come again: the introduction says so.
            if not (location[0] == "rules" and name == "apps"):
                yield from _below((*location, name), root, shape)
    elif shape.is_map and parent.model is not None and not _has_keys(shape.item):
        field = parent.model.model_fields[str(location[-1])]
        row = _row((*location, "<name>"), root, shape.item, field)
        yield _with_default(row, "not set")
    elif shape.is_map:
        yield from _below((*location, "<name>"), root, shape)
    elif shape.is_list and shape.item.model is not None:
        yield from _below((*location, 0), root, shape)
    else:
        assert parent.model is not None
        yield _row(location, root, shape, parent.model.model_fields[str(location[-1])])


def _has_keys(shape: Shape) -> bool:
    return shape.model is not None or shape.is_map


def _row(location: Location, root: Shape, shape: Shape, field: FieldInfo) -> Row:
    key = "".join("[]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")
    kind = shape.describe() + (", environment only" if shape.is_secret else "")
    clients = location[0] == "kafka" and location[1] not in OWN and field.default is None
    default = "the client's" if clients and not shape.is_secret else _default(field, shape)
    return Row(key, kind, default, field.description or "", _variable(location, root))


def _variable(location: Location, root: Shape) -> str:
    for position, key in enumerate(location):
        if isinstance(key, int):
            items = root.at(location[:position])
            if items is None or items.item.child("name") is None:
                return _FILE_ONLY
    return f"`{variable_name(location, root)}`"


def _default(field: FieldInfo, shape: Shape) -> str:
    value: Any = field.default
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "not set"
    if shape.is_duration:
        return f'`"{format_duration(value)}"`'
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    if isinstance(value, str | Path):
        return f'`"{value}"`'
    return f"`{value}`"


def _with_default(row: Row, default: str) -> Row:
    return Row(row.key, row.type, default, row.meaning, row.variable)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
