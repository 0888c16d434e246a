"""The network lists that are kept in files, as they were at any instant that can still be asked about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from detectors.lists import NetworkList
from schemas.instant import DAY
from schemas.signal import Signal

MEMORY_US = DAY
"""How long a version that was replaced is remembered: an event older than that is held against the oldest known."""

MAX_VERSIONS = 16
"""Versions remembered of one list; a file that changes every second only loses the precision of the past."""


class Version(msgspec.Struct, frozen=True, array_like=True):
    """What a list held from an instant on; None = there was no such list any more."""

    since_us: int
    content: str | None


class KeptLists:
    """Lists by name, each in versions: an event is held against the list of its own time, however late it comes."""

    def __init__(self) -> None:
        self._versions: dict[str, tuple[Version, ...]] = {}
        self._read: dict[str, NetworkList] = {}
        self._changed: set[str] = set()

    def apply(self, signal: Signal) -> None:
        """Take in that a list has changed (`changed`)."""
        name = str(signal.payload["name"])
        content = signal.payload.get("content")
        version = Version(signal.time_us, None if content is None else str(content))
        known = self._versions.get(name, ())
        if not known:
            # What was before the first is not known, and nothing says that it was another.
            version = Version(0, version.content)
        self.put(name, (*known, version))

    def start(self, lists: Iterable[NetworkList]) -> None:
        """Begin with lists that hold for all time, where no signal will tell of them: in a replay of a file."""
        for one in lists:
            self.put(one.name, (Version(0, one.model_dump_json()),))

    def put(self, name: str, versions: tuple[Version, ...]) -> None:
        """Take in all versions of a list, oldest first."""
        newest_us = versions[-1].since_us
        kept = versions[-MAX_VERSIONS:]
        # The newest of those that are too old is what held since.
        while len(kept) > 1 and kept[1].since_us < newest_us - MEMORY_US:
            kept = kept[1:]
        self._versions[name] = kept
        self._changed.add(name)
        self._read = {
            content: self._read.get(content) or NetworkList.model_validate_json(content)
            for versions in self._versions.values()
            for content in (version.content for version in versions)
            if content is not None
        }

    def at(self, time_us: int) -> list[NetworkList]:
        """Return the lists as they were at an instant, microseconds since the epoch."""
        found = []
        for versions in self._versions.values():
            version = next((one for one in reversed(versions) if one.since_us <= time_us), versions[0])
            if version.content is not None:
                found.append(self._read[version.content])
        return found

    def newest(self) -> dict[str, str]:
        """Return by name a digest of what each list holds now; one that is gone is left out."""
        newest = {name: versions[-1].content for name, versions in self._versions.items()}
        return {name: digest(content) for name, content in newest.items() if content is not None}

    def stored(self) -> Iterator[tuple[str, tuple[Version, ...]]]:
        """Yield the lists that changed since the last call, with all their versions."""
        changed, self._changed = self._changed, set()
        for name in sorted(changed):
            yield name, self._versions[name]


def digest(content: str) -> str:
    """Return what tells one content from another."""
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def changed(name: str, content: str | None, now_us: int) -> Signal:
    """Return the signal that a list has changed.

    Args:
        name: of the list.
        content: a `NetworkList` as JSON; None = it is gone.
        now_us: the pipeline's clock: the change counts for what happens from then on.
    """
    payload: dict[str, str | int] = {"name": name}
    if content is not None:
        payload["content"] = content
    marked = "gone" if content is None else digest(content)
    return Signal(f"list:{name}:{marked}:{now_us}", now_us, "list_changed", payload=payload)
