"""The audit log's chain: whatever is done to its lines is found, and the line is named."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.audit_chain import GENESIS, ChainedLine, hash_of_text, rehashed
from store.audit_check import Checked, Head, check
from store.audit_key import KEY_BYTES, AuditKey, Checkpoint, PublicKeys, SignedCheckpoint
from store.audit_search import PAGE
from store.database import Database
from store.rows import AuditLine

NOON = 1_795_608_000_000_000
KEY, OTHER = AuditKey(b"k" * KEY_BYTES), AuditKey(b"o" * KEY_BYTES)
KEYS = PublicKeys(KEY.public)
LINES = 12
SIGNED = 8

positions = st.integers(0, LINES - 1)


def stored_chain(folder: Path) -> tuple[list[ChainedLine], list[SignedCheckpoint]]:
    """A chain as the writer has made it, signed up to its eighth line."""
    with Database.open(folder / "store.duckdb") as database:
        writer, reader = database.writer(KEY), database.reader()
        for first in (0, SIGNED):
            with writer.transaction():
                writer.append_audit(
                    [
                        AuditLine(
                            NOON + number, "carol" if number % 3 else "pipeline", "alert raised", f"a{number}", "bank",
                            f"line 2: revoke_session {number}", {"sessions": number}, f"user{number}",
                        )
                        for number in range(first, min(first + SIGNED, LINES))
                    ]
                )  # fmt: skip
                if not first:
                    writer.checkpoint_audit(NOON, always=True)
        lines = [named.line for named in reader.audit_page(0, 0, 2 * NOON, PAGE)]
        return lines, reader.audit_checkpoints()


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[ChainedLine], list[SignedCheckpoint]]:
    mask = os.umask(0o022)
    made = stored_chain(tmp_path_factory.mktemp("chain"))
    os.umask(mask)
    return made


Chain = tuple[list[ChainedLine], list[SignedCheckpoint]]


def found(lines: Sequence[ChainedLine], checkpoints: Sequence[SignedCheckpoint], head: Head | None = None) -> Checked:
    return check(lines, checkpoints, KEYS, head)


def sealed(line: ChainedLine, before: str | None = None) -> ChainedLine:
    """The line with hashes that fit, as whoever changes it would make them."""
    text_hash = hash_of_text(line.salt, line.why, line.details)
    made = msgspec.structs.replace(line, text_hash=text_hash, before=line.before if before is None else before)
    return msgspec.structs.replace(made, hash=rehashed(made))


def test_an_untouched_chain_is_whole(chain: Chain) -> None:
    checked = found(*chain)
    assert checked.trouble is None
    assert (checked.lines, checked.first, checked.signed) == (LINES, 1, SIGNED)
    assert checked.head == Head(LINES, chain[0][-1].hash)


def test_the_first_line_follows_nothing(chain: Chain) -> None:
    assert chain[0][0].before == GENESIS


def test_the_hashes_are_made_as_it_is_documented() -> None:
    line = sealed(ChainedLine(1, 2, "pipeline", "ä", "s", "bank", "why", "{}", "", "ab", "", GENESIS, ""))
    text = "25:sessionwatch audit text 1,2:ab,3:why,2:{},"
    assert line.text_hash == hashlib.sha256(text.encode()).hexdigest()
    whole = f"25:sessionwatch audit line 1,64:{GENESIS},1:1,1:2,8:pipeline,0:,2:ä,1:s,4:bank,64:{line.text_hash},"
    assert line.hash == hashlib.sha256(whole.encode()).hexdigest()


@settings(deadline=None, max_examples=200)
@given(position=positions, data=st.data())
def test_a_changed_field_is_found_and_its_line_named(chain: Chain, position: int, data: st.DataObject) -> None:
    lines, checkpoints = list(chain[0]), chain[1]
    field = data.draw(st.sampled_from([name for name in ChainedLine.__struct_fields__ if name != "line"]))
    value = getattr(lines[position], field)
    other = st.integers(0, 2 * NOON) if isinstance(value, int) else st.text(max_size=70)
    lines[position] = msgspec.structs.replace(
        lines[position], **{field: data.draw(other.filter(lambda new: new != value))}
    )
    trouble = found(lines, checkpoints).trouble
    assert trouble is not None
    assert trouble.line == position + 1
    assert f"line {position + 1} " in trouble.what


@given(position=positions, number=st.integers(0, 2 * LINES))
def test_a_changed_number_is_found(chain: Chain, position: int, number: int) -> None:
    lines = list(chain[0])
    if number == position + 1:
        return
    lines[position] = msgspec.structs.replace(lines[position], line=number)
    trouble = found(lines, chain[1]).trouble
    assert trouble is not None
    assert trouble.line in (position + 1, number)


@given(position=st.integers(0, LINES - 2))
def test_a_removed_line_is_missed(chain: Chain, position: int) -> None:
    lines = list(chain[0])
    del lines[position]
    trouble = found(lines, chain[1]).trouble
    assert trouble is not None
    assert trouble.line == position + 1


@given(first=positions, second=positions)
def test_lines_whose_places_were_exchanged_are_named(chain: Chain, first: int, second: int) -> None:
    lines = list(chain[0])
    if first == second:
        return
    lines[first], lines[second] = (
        msgspec.structs.replace(lines[second], line=first + 1),
        msgspec.structs.replace(lines[first], line=second + 1),
    )
    trouble = found(lines, chain[1]).trouble
    assert trouble is not None
    assert trouble.line == min(first, second) + 1
    assert trouble.what == f"line {trouble.line} was line {max(first, second) + 1}: it was moved"


@given(position=positions, other=positions)
def test_rows_in_another_order_are_named(chain: Chain, position: int, other: int) -> None:
    lines = list(chain[0])
    if position == other:
        return
    lines.insert(other, lines.pop(position))
    trouble = found(lines, chain[1]).trouble
    assert trouble is not None
    assert trouble.line == min(position, other) + 1


@given(position=st.integers(0, LINES - 2), text=st.text(max_size=20))
def test_a_line_put_in_between_is_found(chain: Chain, position: int, text: str) -> None:
    lines = list(chain[0])
    before = lines[position]
    forged = sealed(msgspec.structs.replace(before, line=position + 2, why=text), before.hash)
    rest = [msgspec.structs.replace(line, line=line.line + 1) for line in lines[position + 1 :]]
    trouble = found([*lines[: position + 1], forged, *rest], chain[1]).trouble
    assert trouble is not None
    # At the place of a signed line the checkpoint knows at once.
    expected = "not the one that checkpoint 1" if position + 2 == SIGNED else f"was line {position + 2}: it was moved"
    assert trouble.line == position + (2 if position + 2 == SIGNED else 3)
    assert expected in trouble.what


@given(position=positions)
def test_a_line_that_stands_twice_is_named(chain: Chain, position: int) -> None:
    lines = list(chain[0])
    lines.insert(position, lines[position])
    trouble = found(lines, chain[1]).trouble
    assert trouble is not None
    assert trouble.what == f"line {position + 1} stands twice"


@given(position=st.integers(0, LINES - 2))
def test_a_line_with_new_hashes_is_known_by_the_next(chain: Chain, position: int) -> None:
    lines = list(chain[0])
    lines[position] = sealed(msgspec.structs.replace(lines[position], actor="mallory"))
    trouble = found(lines, chain[1]).trouble
    assert trouble is not None
    assert trouble.line == position + 1
    assert "was" in trouble.what


def rewritten(lines: Sequence[ChainedLine], position: int, change: Callable[[ChainedLine], ChainedLine]) -> list:  # type: ignore[type-arg]
    """The chain with one line changed, and every hash after it made to fit."""
    made, before = list(lines[:position]), lines[position].before
    for line in [change(lines[position]), *lines[position + 1 :]]:
        made.append(sealed(line, before))
        before = made[-1].hash
    return made


@given(position=st.integers(0, SIGNED - 1))
def test_a_chain_made_anew_is_none_that_was_signed(chain: Chain, position: int) -> None:
    lines = rewritten(chain[0], position, lambda line: msgspec.structs.replace(line, why="nothing"))
    trouble = found(lines, chain[1]).trouble
    assert trouble is not None
    assert trouble.line == SIGNED
    assert "not the one that checkpoint 1 names" in trouble.what


def test_what_was_made_anew_after_the_last_checkpoint_is_known_by_the_head_in_the_log(chain: Chain) -> None:
    lines = rewritten(chain[0], LINES - 1, lambda line: msgspec.structs.replace(line, why="nothing"))
    assert found(lines, chain[1]).trouble is None
    trouble = found(lines, chain[1], Head(LINES, chain[0][-1].hash)).trouble
    assert trouble is not None
    assert trouble.line == LINES


@given(kept=st.integers(SIGNED, LINES - 1))
def test_a_cut_tail_is_found_by_the_head_in_the_log(chain: Chain, kept: int) -> None:
    assert found(chain[0][:kept], chain[1]).trouble is None
    trouble = found(chain[0][:kept], chain[1], Head(LINES, chain[0][-1].hash)).trouble
    assert trouble is not None
    assert "the tail is cut, since the head that was given names line 12" in trouble.what


@given(kept=st.integers(0, SIGNED - 1))
def test_a_tail_cut_before_a_checkpoint_is_found_without(chain: Chain, kept: int) -> None:
    trouble = found(chain[0][:kept], chain[1]).trouble
    assert trouble is not None
    assert f"the tail is cut, since checkpoint 1 names line {SIGNED}" in trouble.what


def test_a_beginning_that_no_cut_explains_is_missed(chain: Chain) -> None:
    trouble = found(chain[0][3:], chain[1]).trouble
    assert trouble is not None
    assert trouble.what == "the lines before line 4 are gone, and no signed cut says so"


def test_a_checkpoint_of_a_stranger_is_refused(chain: Chain) -> None:
    forged = OTHER.sign(Checkpoint("head", 1, SIGNED, chain[0][SIGNED - 1].hash, NOON))
    trouble = found(chain[0], [forged]).trouble
    assert trouble is not None
    assert trouble.what.startswith(f"checkpoint 1 at line {SIGNED}: it is signed by another key")


def test_a_stranger_under_our_key_s_name_is_refused(chain: Chain) -> None:
    ours = chain[1][0].signature.split(".")
    theirs = OTHER.sign(Checkpoint("head", 1, SIGNED, chain[0][SIGNED - 1].hash, NOON)).signature.split(".")
    forged = msgspec.structs.replace(chain[1][0], signature=".".join([ours[0], theirs[1], theirs[2]]))
    trouble = found(chain[0], [forged]).trouble
    assert trouble is not None
    assert "its signature does not fit" in trouble.what


@pytest.mark.parametrize("field", ["kind", "number", "line", "at_us", "signature"])
def test_a_changed_checkpoint_is_found(chain: Chain, field: str) -> None:
    changed = {"kind": "cut", "number": 2, "line": 7, "at_us": 1, "signature": "e30.e30.e30"}
    trouble = found(chain[0], [msgspec.structs.replace(chain[1][0], **{field: changed[field]})]).trouble
    assert trouble is not None
    assert "checkpoint" in trouble.what


def test_a_removed_checkpoint_is_missed(chain: Chain) -> None:
    lines = chain[0]
    signed = [KEY.sign(Checkpoint("head", one, 2 * one, lines[2 * one - 1].hash, NOON)) for one in (1, 2, 3)]
    assert found(lines, signed).trouble is None
    trouble = found(lines, [signed[0], signed[2]]).trouble
    assert trouble is not None
    assert trouble.what == "checkpoint 2 is missing: after 1 comes 3"


def test_the_lowest_of_several_troubles_is_told(chain: Chain) -> None:
    lines = list(chain[0])
    lines[2] = msgspec.structs.replace(lines[2], why="else")
    lines[5] = msgspec.structs.replace(lines[5], actor="else")
    forged = OTHER.sign(Checkpoint("head", 1, SIGNED, lines[SIGNED - 1].hash, NOON))
    trouble = found(lines, [forged]).trouble
    assert trouble is not None
    assert trouble.what == "the text of line 3 was changed"


def test_fields_do_not_run_into_each_other() -> None:
    line = ChainedLine(1, 2, "ab", "c", "s", "", "", "{}", "", "ab", "", GENESIS, "")
    assert rehashed(line) != rehashed(msgspec.structs.replace(line, actor="a", act="bc"))
    assert hash_of_text("ab", "cd", "") != hash_of_text("ab", "c", "d")
