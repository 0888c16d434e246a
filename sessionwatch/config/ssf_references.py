"""Names by which shared signals refer to other parts of the configuration, and the other way round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sessionwatch.config.problem import nearest
from sessionwatch.config.shape import Location


def ssf_problems(tree: Mapping[str, Any]) -> Iterator[tuple[Location, str]]:
    """Yield the location of every name of shared signals that means nothing, and what is wrong with it.

    Args:
        tree: the unchecked configuration; what has the wrong type is told elsewhere.
    """
    ssf = _table(tree.get("ssf"))
    receivers = [str(one.get("name")) for one in _tables(ssf.get("receivers"))]
    for index, target in enumerate(_tables(_table(tree.get("response")).get("targets"))):
        name = target.get("receiver")
        if target.get("kind") == "ssf" and isinstance(name, str) and name not in receivers:
            yield (
                ("response", "targets", index, "receiver"),
                f'no entry of [[ssf.receivers]] is named "{name}"{nearest(name, receivers)}',
            )
        if target.get("kind") == "backchannel_logout" and not target.get("issuer") and not ssf.get("issuer"):
            yield ("response", "targets", index, "issuer"), "expected issuer here or in [ssf]"
    apps = _table(tree.get("apps"))
    realms = {str(_table(app).get("realm", name)) for name, app in apps.items()}
    for index, transmitter in enumerate(_tables(ssf.get("transmitters"))):
        realm = transmitter.get("realm")
        if isinstance(realm, str) and realm not in realms:
            yield (
                ("ssf", "transmitters", index, "realm"),
                f'no declared app has the realm "{realm}"{nearest(realm, sorted(realms))}',
            )


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _tables(value: object) -> list[Mapping[str, Any]]:
    return [_table(item) for item in value] if isinstance(value, list | tuple) else []
