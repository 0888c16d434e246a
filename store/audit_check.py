"""Checks an audit chain, and names the line that is not as it was written."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from store.audit_chain import GENESIS, NAME_ERASED, ChainedLine, hash_of_text, rehashed
from store.audit_key import BadSignature, Checkpoint, PublicKeys, SignedCheckpoint

_MOST_PLACES = 100_000
"""Numbers that are tried in order to say where a line stood before it was moved."""
_lines = msgspec.json.Decoder(dict[str, str | int])


class Head(msgspec.Struct, frozen=True):
    """A line and its hash, as the log has told it: by it a cut tail is seen."""

    line: int
    hash: str

    def __str__(self) -> str:
        return f"{self.line}:{self.hash}"


class Trouble(msgspec.Struct, frozen=True):
    """What is wrong, and with which line."""

    line: int
    what: str


class Checked(msgspec.Struct, frozen=True):
    """What a check has found.

    Attributes:
        lines: how many there are.
        first: the number of the first; 0 = there are none.
        head: the last line.
        checkpoints: how many.
        signed: the last line that a checkpoint covers; 0 = none.
        unexplained: texts that are gone, and of which a line behind the last may say that they were erased: only where
            the chain is not whole.
        trouble: the first thing that is wrong; None = nothing.
    """

    lines: int
    first: int
    head: Head
    checkpoints: int
    signed: int
    trouble: Trouble | None
    unexplained: int = 0


class _Broken(Exception):
    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.trouble = Trouble(line, what)


def check(
    lines: Iterable[ChainedLine],
    checkpoints: Sequence[SignedCheckpoint],
    keys: PublicKeys,
    head: Head | None = None,
    after: Head | None = None,
) -> Checked:
    """Check a chain.

    Args:
        lines: in the order in which they stand.
        checkpoints: all of them.
        keys: whose checkpoints count.
        head: a line that must be there, as the log says.
        after: the line that the first of them follows; None = the chain is whole, or a cut says where it begins.
    """
    signed, unsigned = _signatures(checkpoints, keys, whole=after is None)
    heads = {one.line: one for one in signed if one.kind == "head"}
    cut = next((one for one in signed if one.kind == "cut"), None)
    walk = _Walk(heads, cut, head)
    if after is not None:
        walk.number, walk.hash, walk.is_whole = after.line, after.hash, False
    trouble = walk.go(lines)
    if unsigned is not None and (trouble is None or unsigned.line < trouble.line):
        trouble = unsigned
    return Checked(
        lines=walk.count,
        first=walk.first,
        head=Head(walk.number, walk.hash),
        checkpoints=len(checkpoints),
        signed=max([line for line in heads if line <= walk.number], default=0),
        trouble=trouble,
        unexplained=walk.unexplained,
    )


def check_tail(lines: Iterable[ChainedLine], since: Checkpoint | None) -> Trouble | None:
    """Return what is wrong with the lines after a checkpoint.

    Args:
        lines: in the order in which they stand.
        since: where they go on from; None = the beginning.
    """
    return _Walk({}, since, None).go(lines)


def _signatures(
    checkpoints: Sequence[SignedCheckpoint], keys: PublicKeys, *, whole: bool
) -> tuple[list[Checkpoint], Trouble | None]:
    """Return the checkpoints that are signed, and the first thing that is wrong with the others."""
    read: list[Checkpoint] = []
    trouble: Trouble | None = None
    ordered = sorted(checkpoints, key=lambda one: (one.line, one.kind, one.number))
    for one in ordered:
        try:
            read.append(keys.read(one))
        except BadSignature as error:
            trouble = trouble or Trouble(one.line, f"checkpoint {one.number} at line {one.line}: {error}")
    if trouble is None:
        trouble = _gaps(read, whole=whole)
    return read, trouble


def _gaps(checkpoints: Sequence[Checkpoint], *, whole: bool) -> Trouble | None:
    """Return which checkpoint is missing. With a cut, and where the chain is not whole, those before are gone."""
    cuts = [one for one in checkpoints if one.kind == "cut"]
    if len(cuts) > 1:
        return Trouble(cuts[1].line, f"there are two cuts, at the lines {cuts[0].line} and {cuts[1].line}")
    heads = [one for one in checkpoints if one.kind == "head"]
    numbers = [one.number for one in heads]
    if whole and heads and not cuts and numbers[0] != 1:
        return Trouble(heads[0].line, f"checkpoint 1 is missing: the first is {numbers[0]}, at line {heads[0].line}")
    for earlier, later in itertools.pairwise(heads):
        if later.number != earlier.number + 1:
            what = f"checkpoint {earlier.number + 1} is missing: after {earlier.number} comes {later.number}"
            return Trouble(later.line, what)
    return None


class _Walk:
    """Goes along the lines, and stops at the first that is not as it was written."""

    def __init__(self, heads: dict[int, Checkpoint], cut: Checkpoint | None, head: Head | None) -> None:
        self._heads = heads
        self._cut = cut
        self._head = head
        self._signed = 0
        self._erased: list[int] = []
        self._unchained = 0
        self.is_whole = True
        self.count = 0
        self.first = 0
        self.number = 0 if cut is None else cut.line
        self.hash = GENESIS if cut is None else cut.hash

    @property
    def unexplained(self) -> int:
        """Texts that are gone without a line that says why."""
        return len(self._erased)

    def go(self, lines: Iterable[ChainedLine]) -> Trouble | None:
        try:
            ahead = iter(lines)
            for line in ahead:
                self._step(line, ahead)
            self._end()
        except _Broken as broken:
            return broken.trouble
        return None

    def _step(self, line: ChainedLine, ahead: Iterator[ChainedLine]) -> None:
        if self.count == 0 and line.line != self.number + 1:
            self._not_the_beginning(line)
        if line.line != self.number + 1:
            raise _Broken(*_misplaced(line, self.number))
        self._check_hash(line, ahead)
        self._check_text(line)
        self._check_signed(line)
        self.first = self.first or line.line
        self.count += 1
        self.number, self.hash = line.line, line.hash

    def _not_the_beginning(self, line: ChainedLine) -> None:
        if self._cut is None:
            what = f"the lines before line {line.line} are gone, and no signed cut says so"
        else:
            what = f"line {self._cut.line + 1} is missing: the cut was at line {self._cut.line}"
            what += f", and the first line is {line.line}"
        raise _Broken(self.number + 1, what)

    def _check_hash(self, line: ChainedLine, ahead: Iterator[ChainedLine]) -> None:
        if not line.hash:
            if self.count > self._unchained:
                raise _Broken(line.line, f"line {line.line} has no hash: it was not written by the pipeline")
            self._unchained += 1
            return
        if self._unchained:
            raise _Broken(self.number, f"line {self.number} has no hash: it was not written by the pipeline")
        if rehashed(line) != line.hash:
            raise _Broken(line.line, _changed(line, self.hash))
        if line.before != self.hash:
            if self.count == 0:
                at = f"the cut at line {self.number}" if self.number else "the beginning"
                raise _Broken(line.line, f"line {line.line} does not follow {at}: it was replaced")
            raise _Broken(*self._replaced(line, ahead))

    def _replaced(self, line: ChainedLine, ahead: Iterator[ChainedLine]) -> tuple[int, str]:
        """Name which of two lines that fit by themselves was put in another's place: the one that no other follows."""
        following = next(ahead, None)
        follows_on = following is not None and following.line == line.line + 1 and following.before == line.hash
        if follows_on or following is None:
            what = f"line {self.number} was replaced: line {line.line} follows another line {self.number}"
            return self.number, what
        return line.line, f"line {line.line} was replaced: it does not follow line {self.number}"

    def _check_text(self, line: ChainedLine) -> None:
        if not line.hash:
            return
        if not line.salt:
            if line.why or line.details != "{}":
                raise _Broken(line.line, f"the text of line {line.line} was changed: it was erased before")
            self._erased.append(line.line)
            return
        if hash_of_text(line.salt, line.why, line.details) != line.text_hash:
            raise _Broken(line.line, f"the text of line {line.line} was changed")
        if line.act == NAME_ERASED and self._erased:
            named = _named(line.details)
            self._erased = [one for one in self._erased if one not in named]

    def _check_signed(self, line: ChainedLine) -> None:
        signed = self._heads.get(line.line)
        if signed is not None:
            if signed.hash != line.hash:
                raise _Broken(line.line, self._rewritten(line.line, f"checkpoint {signed.number}"))
            self._signed = line.line
        if self._head is not None and self._head.line == line.line and self._head.hash != line.hash:
            raise _Broken(line.line, self._rewritten(line.line, "the head that was given"))

    def _rewritten(self, line: int, by: str) -> str:
        one = f"one of the lines {self._signed + 1} to {line}" if self._signed + 1 < line else "it"
        return f"line {line} is not the one that {by} names: {one} was changed, and what follows made to fit"

    def _end(self) -> None:
        reaches_end = self.is_whole or (self._head is not None and self._head.line == self.number)
        if self._erased and reaches_end:
            line = self._erased[0]
            raise _Broken(line, f"the text of line {line} is gone, and no line says that it was erased")
        for line, one in sorted(self._heads.items()):
            if line > self.number:
                raise _Broken(line, self._missing_tail(line, f"checkpoint {one.number}"))
        if self._head is None:
            return
        if self._head.line > self.number:
            raise _Broken(self._head.line, self._missing_tail(self._head.line, "the head that was given"))
        begin = 0 if self._cut is None else self._cut.line
        at_cut = self._cut is not None and self._head.line == begin and self._head.hash == self._cut.hash
        if self._head.line <= begin and not at_cut:
            what = f"line {self._head.line} cannot be compared: retention has cut the lines up to {begin}"
            raise _Broken(self._head.line, what)

    def _missing_tail(self, line: int, by: str) -> str:
        first = self.number + 1
        gone = f"line {first} is" if first == line else f"the lines {first} to {line} are"
        return f"{gone} missing: the tail is cut, since {by} names line {line}"


def _named(details: str) -> set[int]:
    """Return the lines whose text an erasure says that it has erased."""
    try:
        named = str(_lines.decode(details).get("lines", ""))
    except msgspec.MsgspecError:
        return set()
    return {int(one) for one in named.split() if one.isdecimal()}


def _misplaced(line: ChainedLine, before: int) -> tuple[int, str]:
    """Name a line whose number does not come next."""
    if line.line == before:
        return line.line, f"line {line.line} stands twice"
    if line.line < before:
        return line.line, f"line {line.line} stands after line {before}"
    gone = f"line {before + 1} is" if line.line == before + 2 else f"the lines {before + 1} to {line.line - 1} are"
    return before + 1, f"{gone} missing: line {line.line} comes after line {before}"


def _changed(line: ChainedLine, before: str) -> str:
    """Say what was done to a line whose hash is not its own."""
    if line.before != before:
        was = _place_of(line)
        if was is not None:
            return f"line {line.line} was line {was}: it was moved"
    return f"line {line.line} was changed"


def _place_of(line: ChainedLine) -> int | None:
    """Return the number under which a line's hash fits."""
    near = range(1, _MOST_PLACES // 2)
    for distance in near:
        for number in (line.line + distance, line.line - distance):
            if number > 0 and rehashed(line, number) == line.hash:
                return number
    return None
