"""Which sessions belong together: a session rotated or refreshed out of another continues it.

A family of sessions shares one key, that of its oldest known member, so that what the parent did is known
when the child is judged. This map is the router's; the engine moves the state.
"""

from __future__ import annotations

from collections.abc import Iterable


class Lineage:
    """Members to the key of their family's root. Sessions without relatives are not in it."""

    def __init__(self) -> None:
        self._root: dict[str, str] = {}
        self._members: dict[str, set[str]] = {}

    def root(self, key: str) -> str:
        """Return the key under which a session's family stands."""
        return self._root.get(key, key)

    def join(self, child: str, parent: str) -> tuple[str, str] | None:
        """Make two sessions one family.

        Returns:
            the roots (absorbed, absorbing) when two families become one, else None.
        """
        young, old = self.root(child), self.root(parent)
        if young == old:
            return None
        members = self._members.pop(young, set()) | {young}
        for member in members:
            self._root[member] = old
        self._members.setdefault(old, set()).update(members)
        return young, old

    def leave(self, members: Iterable[str]) -> None:
        """Let sessions go that their family no longer remembers: what comes of them stands alone."""
        for member in members:
            root = self._root.pop(member, None)
            if root is not None:
                self._members[root].discard(member)

    def forget(self, root: str) -> None:
        """Drop a family whose key has expired."""
        for member in self._members.pop(root, ()):
            self._root.pop(member, None)
