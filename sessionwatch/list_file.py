"""The files of network lists: read whole, or not at all."""

from __future__ import annotations

import ipaddress
import re
import stat
from dataclasses import dataclass

from detectors.lists import MAX_ENTRIES, NetworkList
from sessionwatch.config.lists import ListSettings
from sessionwatch.errors import SessionwatchError

MAX_FILE_BYTES = 8 * 1024 * 1024
"""Room for as many entries as a list may have, each with a comment."""

MAX_TOLD = 20
"""Bad lines told one by one."""

_SYSTEM = re.compile(r"AS(\d{1,10})", re.ASCII | re.IGNORECASE)
_LARGEST_SYSTEM = 2**32 - 1


class ListFileError(SessionwatchError):
    """A list cannot be read.

    Args:
        problems: one line each.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Mark:
    """What shows that a file is another one than before."""

    changed_ns: int
    size: int
    inode: int


def mark_of(settings: ListSettings) -> Mark | None:
    """Return the mark of a list's file; None where there is none."""
    try:
        found = settings.file.stat()
    except OSError:
        return None
    return Mark(found.st_mtime_ns, found.st_size, found.st_ino)


def read_list(settings: ListSettings) -> NetworkList:
    """Return a list as its file holds it now, in an order of its own.

    Raises:
        ListFileError: it cannot be read, or a line is neither network, address nor system; every such line is named.
    """
    cidrs: set[str] = set()
    asns: set[int] = set()
    problems: list[str] = []
    for number, line in enumerate(_text(settings).splitlines(), 1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        try:
            found = _entry(entry)
        except ValueError as error:
            problems.append(f"{settings.file}, line {number}: {error}")
            continue
        if isinstance(found, int):
            asns.add(found)
        else:
            cidrs.add(found)
    if len(cidrs) > MAX_ENTRIES or len(asns) > MAX_ENTRIES:
        problems.append(f"{settings.file}: more than {MAX_ENTRIES} entries")
    if problems:
        left = len(problems) - MAX_TOLD
        more = [f"{settings.file}: and {left} more lines"] if left > 0 else []
        raise ListFileError(problems[:MAX_TOLD] + more)
    return NetworkList(
        name=settings.name,
        owner=settings.owner,
        expires_us=settings.expires_us,
        severity=settings.severity,
        cidrs=tuple(sorted(cidrs)),
        asns=tuple(sorted(asns)),
    )


def _text(settings: ListSettings) -> str:
    path = settings.file
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ListFileError([f"{path}: is no file"])
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ListFileError([f"{path}: cannot be read: {(error.strerror or str(error)).lower()}"]) from None
    if len(content) > MAX_FILE_BYTES:
        raise ListFileError([f"{path}: larger than {MAX_FILE_BYTES // 2**20} MiB"])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ListFileError([f"{path}: not UTF-8"]) from None


def _entry(text: str) -> str | int:
    system = _SYSTEM.fullmatch(text)
    if system is not None and int(system[1]) <= _LARGEST_SYSTEM:
        return int(system[1])
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f'expected a network such as "198.51.100.0/24", an address, or "AS64500", got {text[:80]!r}'
        ) from None
    raise ValueError(f'"{text[:80]}" has bits set beyond its prefix: did you mean "{meant}"?')
