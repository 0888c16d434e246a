"""The rules that ship, by id: every rule in a module of this folder."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from detectors.rule import Rule

AnyRule = Rule[Any, Any]


def _shipped() -> dict[str, type[AnyRule]]:
    found: dict[str, type[AnyRule]] = {}
    for module in pkgutil.iter_modules(__path__):
        content = vars(importlib.import_module(f"{__name__}.{module.name}"))
        for value in content.values():
            if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == content["__name__"]:
                found[value.id] = value
    return found


BUILTIN: dict[str, type[AnyRule]] = _shipped()
