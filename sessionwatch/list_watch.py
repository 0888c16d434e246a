"""Watches the files of network lists: a change enters the pipeline as a signal, so that a replay sees it too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import structlog

from detectors.kept_lists import changed, digest
from schemas.instant import SECOND
from schemas.signal import Signal
from sessionwatch.config.lists import ListSettings
from sessionwatch.list_file import ListFileError, Mark, mark_of, read_list

log = structlog.get_logger(__name__)


class ListWatch:
    """Looks at most once a second. A list whose file is bad stays as it was, and says so once.

    Args:
        lists: of the configuration.
        newest: by name a digest of what the detectors hold now.
    """

    def __init__(self, lists: Iterable[ListSettings], newest: Callable[[], Mapping[str, str]]) -> None:
        self._lists = list(lists)
        self._newest = newest
        self._marks: dict[str, Mark | None] = {}
        self._looked_us: int | None = None

    def signals(self, now_us: int) -> list[Signal]:
        """Return a signal for every list that is another than the detectors hold.

        Args:
            now_us: the pipeline's clock.
        """
        first = self._looked_us is None
        if self._looked_us is not None and 0 <= now_us - self._looked_us < SECOND:
            return []
        self._looked_us = now_us
        gone = self._newest().keys() - {one.name for one in self._lists} if first else ()
        found = [changed(name, None, now_us) for name in sorted(gone)]
        for one in self._lists:
            mark = mark_of(one)
            if one.name not in self._marks or mark != self._marks[one.name]:
                self._marks[one.name] = mark
                found += self._look(one, now_us)
        return found

    def _look(self, one: ListSettings, now_us: int) -> list[Signal]:
        try:
            kept = read_list(one)
        except ListFileError as error:
            for problem in error.problems:
                log.warning("a network list stays as it was", list=one.name, why=problem)
            return []
        content = kept.model_dump_json()
        if self._newest().get(one.name) == digest(content):
            return []
        log.info("network list read", list=one.name, networks=len(kept.cidrs), systems=len(kept.asns))
        return [changed(one.name, content, now_us)]
