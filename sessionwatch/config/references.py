"""Names in one part of the configuration that must exist in another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sessionwatch.config.problem import nearest
from sessionwatch.config.shape import Location
from sessionwatch.config.ssf_references import ssf_problems


def reference_problems(tree: Mapping[str, Any], rule_ids: Iterable[str]) -> Iterator[tuple[Location, str]]:
    """Yield the location of every name that means nothing, and what is wrong with it.

    It reads the unchecked tree, so that these problems are listed together with all others. What has the
    wrong type is told elsewhere and passed over.
    """
    apps = [name for name in _table(tree.get("apps")) if isinstance(name, str)]
    rules = list(rule_ids)
    response = _table(tree.get("response"))
    for index, target in enumerate(_tables(response.get("targets"))):
        yield from _unknown(("response", "targets", index, "app"), target.get("app"), apps, "app")
    for index, line in enumerate(_tables(response.get("policy"))):
        match = _table(line.get("match"))
        for key, known in (("app", apps), ("rule", rules)):
            for position, name in enumerate(_list(match.get(key))):
                yield from _unknown(("response", "policy", index, "match", key, position), name, known, key)
        groups = [name for name in _table(response.get("user_groups")) if isinstance(name, str)]
        for position, name in enumerate(_list(match.get("user_group"))):
            yield from _unknown(("response", "policy", index, "match", "user_group", position), name, groups, "group")
    for rule_id, rule in _table(tree.get("rules")).items():
        for name in _table(_table(rule).get("apps")):
            yield from _unknown(("rules", rule_id, "apps", name), name, apps, "app")
    chats = [name for one in _tables(tree.get("chat")) if isinstance(name := one.get("name"), str)]
    for index, step in enumerate(_tables(tree.get("on_call"))):
        for position, name in enumerate(_list(step.get("chats"))):
            yield from _unknown(("on_call", index, "chats", position), name, chats, "chat")
    yield from _doubles(("chat",), _tables(tree.get("chat")), "name")
    yield from _doubles(("response", "targets"), _tables(response.get("targets")), "name")
    for index, token in enumerate(_tables(_table(tree.get("api")).get("tokens"))):
        for position, name in enumerate(_list(token.get("apps"))):
            yield from _unknown(("api", "tokens", index, "apps", position), name, apps, "app")
    yield from _doubles(("api", "tokens"), _tables(_table(tree.get("api")).get("tokens")), "name")
    yield from ssf_problems(tree)
    for name in ("receivers", "transmitters"):
        yield from _doubles(("ssf", name), _tables(_table(tree.get("ssf")).get(name)), "name")
    yield from _doubles(("siem",), _tables(tree.get("siem")), "name")
    yield from _doubles(("networks",), _tables(tree.get("networks")), "cidr")
    yield from _doubles(("lists",), _tables(tree.get("lists")), "name")


def _unknown(location: Location, name: object, known: list[str], kind: str) -> Iterator[tuple[Location, str]]:
    if isinstance(name, str) and name not in known:
        if kind == "app" and not known:
            yield location, f'the app "{name}" is not declared: write a table [apps.{name}]'
        else:
            yield location, f'no {kind} is named "{name}"{nearest(name, known)}'


def _doubles(location: Location, items: list[Mapping[str, Any]], key: str) -> Iterator[tuple[Location, str]]:
    counts = Counter(item[key] for item in items if isinstance(item.get(key), str))
    for value, count in counts.items():
        if count > 1:
            last = max(index for index, item in enumerate(items) if item.get(key) == value)
            yield (*location, last, key), f'"{value}" stands there {count} times'


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _tables(value: object) -> list[Mapping[str, Any]]:
    return [_table(item) for item in _list(value)]
