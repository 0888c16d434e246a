"""Targets of installed packages (entry points `sessionwatch.targets`).

An entry point names what makes a target: called with a `TargetOptions`, it returns an object of the shape of
`response.targets.Target`. `response.targets.contract` examines whether it keeps what every target keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points

import msgspec

from response.errors import TargetRefused
from response.targets import Target

GROUP = "sessionwatch.targets"
_MEMBERS = ("name", "kind", "app", "scopes", "kinds", "deliver", "close")


class TargetOptions(msgspec.Struct, frozen=True):
    """What a plug-in makes a target of.

    Attributes:
        name, app: as in the configuration; the target must carry them.
        options: the plug-in's own, as texts. A secret stands in a file that one of them names.
    """

    name: str
    app: str
    options: Mapping[str, str] = {}


def outside_target(plugin: str, options: TargetOptions, points: Iterable[EntryPoint] | None = None) -> Target:
    """Return the target of a plug-in.

    Args:
        plugin: name of the entry point.
        options: for the target.
        points: entry points of the group; None = those of this installation.

    Raises:
        TargetRefused: there is no such plug-in, it cannot be loaded, or what it makes is no target.
    """
    where = f"target {options.name}"
    known = {point.name: point for point in (entry_points(group=GROUP) if points is None else points)}
    if plugin not in known:
        installed = ", ".join(sorted(known)) or "none"
        raise TargetRefused(f'{where}: no installed package has a target "{plugin}" (there are: {installed})')
    try:
        target: Target = known[plugin].load()(options)
    except Exception as error:  # noqa: BLE001 - whatever a plug-in raises is told in one line
        first = (str(error).splitlines() or [""])[0][:120]
        raise TargetRefused(f'{where}: the plug-in "{plugin}" failed: {type(error).__name__}: {first}') from None
    missing = [name for name in _MEMBERS if not hasattr(target, name)]
    if missing:
        raise TargetRefused(f'{where}: what the plug-in "{plugin}" makes has no {", ".join(missing)}')
    if (target.name, target.app) != (options.name, options.app):
        raise TargetRefused(f'{where}: what the plug-in "{plugin}" makes carries another name or app')
    return target
