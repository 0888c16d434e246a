"""The audit log in the store: pseudonyms, erasure, checkpoints, the cut at its old end, and stores that are older."""

from __future__ import annotations

import threading
from pathlib import Path

import duckdb
import pytest

from schemas.instant import DAY
from store.audit_chain import GENESIS
from store.audit_check import Head, check
from store.audit_key import KEY_BYTES, AuditKey, BadSignature, PublicKeys
from store.audit_trail import CHAIN_BEGUN, CHECKPOINT_LINES, CHECKPOINT_US
from store.database import Database
from store.migrations import migrate
from store.reader import Reader
from store.rows import AuditLine, Erasure
from store.tables import MIGRATIONS
from store.writer import Writer
from tests.store.audit_lines import audit_lines
from tests.store.samples import NOON

KEY = AuditKey(b"k" * KEY_BYTES)
KEYS = PublicKeys(KEY.public)


@pytest.fixture
def writer(database: Database) -> Writer:
    """A writer with a key that the tests know."""
    return database.writer(KEY)


def line(
    subject: str = "a1", *, actor: str = "carol", at_us: int = NOON, why: str = "", user: str | None = None
) -> AuditLine:
    """A line of the audit log."""
    return AuditLine(at_us, actor, "alert triaged", subject, "bank", why, user_id=user)


def write(writer: Writer, *lines: AuditLine) -> None:
    """Append lines in a transaction of their own."""
    with writer.transaction():
        writer.append_audit(lines)


def trouble(reader: Reader, head: Head | None = None) -> str:
    """What is wrong with the whole log, or an empty text."""
    found = reader.check_audit(KEYS, head).trouble
    return "" if found is None else found.what


def tamper(path: Path, statement: str) -> None:
    """Change the file behind sessionwatch's back."""
    connection = duckdb.connect(str(path))
    connection.execute(statement)
    connection.close()


def test_lines_are_read_back_with_their_names(writer: Writer, reader: Reader) -> None:
    written = line(user="alice")
    write(writer, written)
    assert audit_lines(reader) == [written]
    assert reader.acts(["a1"]) == [written]


def test_the_chain_holds_no_names(writer: Writer, reader: Reader) -> None:
    write(writer, line(user="alice"))
    [named] = reader.audit_page(0, 0, 2 * NOON, 10)
    assert (named.line.actor, named.line.user) == (KEY.pseudonym("carol"), KEY.pseudonym("alice"))
    assert (named.actor_name, named.user_name) == ("carol", "alice")


def test_parts_of_the_pipeline_go_by_their_own_names(writer: Writer, reader: Reader) -> None:
    write(writer, line(actor="policy"))
    [named] = reader.audit_page(0, 0, 2 * NOON, 10)
    assert (named.line.actor, named.actor_name) == ("policy", None)


def test_an_erased_name_leaves_the_chain_whole(writer: Writer, reader: Reader) -> None:
    write(writer, line("a1", user="alice"), line("a2", why="asked carol"), line("a3", why="carolyn was asked"))
    with writer.transaction():
        writer.erase_from_audit([Erasure("carol", "dora", "carol has left")], NOON)
    assert trouble(reader) == ""
    erased, first = audit_lines(reader)[0], reader.acts(["a1"])[0]
    assert (erased.actor, erased.act, erased.subject) == ("dora", "name erased", KEY.pseudonym("carol"))
    assert (erased.why, erased.details) == ("", {"lines": "2"})
    assert (first.actor, first.user_id) == (KEY.pseudonym("carol"), "alice")
    assert [one.why for one in reader.acts(["a2", "a3"])] == ["", "carolyn was asked"]


def test_an_erased_name_is_nowhere_in_the_file(path: Path) -> None:
    with Database.open(path) as database:
        writer = database.writer(KEY)
        write(writer, line(actor="xanthippe", why="xanthippe said so", user="xanthippe"))
        with writer.transaction():
            writer.erase_from_audit([Erasure("xanthippe", "dora", "she has left")], NOON)
        for table in ("audit", "audit_names"):
            rows = database.reader()._rows(f"SELECT * FROM {table}")
            assert "xanthippe" not in str(rows)


def test_a_name_erased_by_its_bearer_is_erased(writer: Writer, reader: Reader) -> None:
    write(writer, line())
    with writer.transaction():
        writer.erase_from_audit([Erasure("carol", "carol", "leaving")], NOON)
    assert {one.actor for one in audit_lines(reader)} == {KEY.pseudonym("carol")}


def test_somebody_who_comes_back_has_a_name_again(writer: Writer, reader: Reader) -> None:
    write(writer, line())
    with writer.transaction():
        writer.erase_from_audit([Erasure("carol", "dora", "left")], NOON)
        writer.append_audit([line("a2")])
    assert reader.acts(["a2"])[0].actor == "carol"
    assert trouble(reader) == ""


def test_a_text_that_goes_without_an_erasure_is_missed(path: Path) -> None:
    with Database.open(path) as database:
        write(database.writer(KEY), line(why="first"), line(why="second"))
    tamper(path, "UPDATE audit SET why = '', details = '{}', salt = NULL WHERE line = 1")
    with Database.open(path, read_only=True) as database:
        assert trouble(database.reader()) == "the text of line 1 is gone, and no line says that it was erased"


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE audit SET act = 'nothing' WHERE line = 2", "line 2 was changed"),
        ("UPDATE audit SET why = 'nothing' WHERE line = 2", "the text of line 2 was changed"),
        ("UPDATE audit SET audit_time = audit_time + INTERVAL 1 SECOND WHERE line = 2", "line 2 was changed"),
        ("DELETE FROM audit WHERE line = 2", "line 2 is missing: line 3 comes after line 1"),
        ("UPDATE audit SET line = 5 - line WHERE line IN (2, 3)", "line 2 was line 3: it was moved"),
        ("INSERT INTO audit SELECT * FROM audit WHERE line = 2", "line 2 stands twice"),
        ("DELETE FROM audit WHERE line = 4", "line 4 is missing: the tail is cut, since checkpoint 1 names line 4"),
        ("DELETE FROM audit_checkpoints; DELETE FROM audit WHERE line = 1",
         "the lines before line 2 are gone, and no signed cut says so"),
        ("UPDATE audit_checkpoints SET number = 2",
         "checkpoint 2 at line 4: it is another than the one that was signed"),
    ],
)  # fmt: skip
def test_what_was_done_to_the_file_is_named(path: Path, statement: str, found: str) -> None:
    with Database.open(path) as database:
        writer = database.writer(KEY)
        write(writer, *(line(f"a{number}", why="because") for number in range(4)))
        with writer.transaction():
            writer.checkpoint_audit(NOON, always=True)
    tamper(path, statement)
    with Database.open(path, read_only=True) as database:
        assert trouble(database.reader()) == found


def test_a_second_writer_is_found(path: Path, tmp_path: Path) -> None:
    with Database.open(path) as database:
        write(database.writer(KEY), line())
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(path.read_bytes())
    for one in (path, copy):
        with Database.open(one) as database:
            write(database.writer(KEY), line(one.name), line(one.name))
    tamper(path, f"ATTACH '{copy}' AS other; INSERT INTO audit SELECT * FROM other.audit WHERE line = 3")
    with Database.open(path, read_only=True) as database:
        assert trouble(database.reader()) == "line 3 stands twice"
    tamper(path, f"ATTACH '{copy}' AS other; DELETE FROM audit WHERE line = 3; "
                 "INSERT INTO audit SELECT * FROM other.audit WHERE line = 3")  # fmt: skip
    with Database.open(path, read_only=True) as database:
        assert trouble(database.reader()) == "line 2 was replaced: line 3 follows another line 2"


def fail_inside(writer: Writer) -> None:
    """Append and sign, and raise before the commit."""
    with writer.transaction():
        writer.append_audit([line(actor="erin")])
        writer.checkpoint_audit(NOON, always=True)
        raise RuntimeError


def test_a_batch_that_is_undone_leaves_no_gap(writer: Writer, reader: Reader) -> None:
    write(writer, line())
    with pytest.raises(RuntimeError):
        fail_inside(writer)
    write(writer, line(actor="erin"))
    assert trouble(reader) == ""
    assert [one.actor for one in audit_lines(reader)] == ["erin", "carol"]


def test_the_chain_goes_on_after_a_restart(path: Path) -> None:
    for _ in range(3):
        with Database.open(path) as database:
            writer = database.writer(KEY)
            write(writer, line())
            with writer.transaction():
                writer.checkpoint_audit(NOON, always=True)
    with Database.open(path, read_only=True) as database:
        checked = database.reader().check_audit(KEYS)
    assert checked.trouble is None
    assert (checked.lines, checked.checkpoints) == (3, 3)


def test_a_head_is_signed_after_so_many_lines_or_so_long(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        assert writer.checkpoint_audit(NOON) is None
        writer.append_audit([line()])
        signed = [writer.checkpoint_audit(NOON)]
        writer.append_audit([line()])
        assert writer.checkpoint_audit(NOON + CHECKPOINT_US - 1) is None
        signed.append(writer.checkpoint_audit(NOON + CHECKPOINT_US))
        writer.append_audit([line()] * (CHECKPOINT_LINES - 1))
        assert writer.checkpoint_audit(NOON + CHECKPOINT_US) is None
        writer.append_audit([line()])
        signed.append(writer.checkpoint_audit(NOON + CHECKPOINT_US))
    written = [Head(one.line.line, one.line.hash) for one in reader.audit_page(0, 0, 2 * NOON, 2 * CHECKPOINT_LINES)]
    assert signed == [written[0], written[1], written[-1]]


def test_of_a_part_nobody_can_say_whether_its_erasures_were_told(writer: Writer, reader: Reader) -> None:
    write(writer, line("a1", why="asked carol"), line("a2"))
    with writer.transaction():
        writer.erase_from_audit([Erasure("carol", "dora", "carol has left")], NOON)
    lines = [named.line for named in reader.audit_page(0, 0, 2 * NOON, 10)]
    beginning = Head(0, GENESIS)
    part = check(lines[:2], [], KEYS, after=beginning)
    assert (part.trouble, part.unexplained) == (None, 1)
    assert check(lines, [], KEYS, after=beginning).unexplained == 0


def test_a_part_that_ends_with_the_head_has_to_tell_its_erasures(writer: Writer, reader: Reader) -> None:
    write(writer, line("a1", why="asked carol"), line("a2"))
    with writer.transaction():
        writer.erase_from_audit([Erasure("carol", "dora", "carol has left")], NOON)
    lines = [named.line for named in reader.audit_page(0, 0, 2 * NOON, 10)]
    found = check(lines[:2], [], KEYS, Head(2, lines[1].hash), after=Head(0, GENESIS)).trouble
    assert found is not None
    assert "no line says that it was erased" in found.what


def test_with_another_key_no_checkpoint_counts(writer: Writer, reader: Reader) -> None:
    write(writer, line())
    with writer.transaction():
        writer.checkpoint_audit(NOON, always=True)
    other = AuditKey(b"o" * KEY_BYTES)
    found = reader.check_audit(PublicKeys(other.public)).trouble
    assert found is not None
    assert found.what == f"checkpoint 1 at line 1: it is signed by another key ({KEY.public})"
    with pytest.raises(BadSignature):
        reader.audit_trouble_since_checkpoint(PublicKeys(other.public))


def test_a_replaced_key_counts_where_both_are_given(path: Path) -> None:
    keys = [KEY, AuditKey(b"o" * KEY_BYTES)]
    for key in keys:
        with Database.open(path) as database:
            writer = database.writer(key)
            write(writer, line())
            with writer.transaction():
                writer.checkpoint_audit(NOON, always=True)
    with Database.open(path, read_only=True) as database:
        assert database.reader().check_audit(PublicKeys(*(key.public for key in keys))).trouble is None


@pytest.mark.parametrize("text", ["", "x", "ä" * 43, "!" * 43])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a public key of 32 bytes"):
        PublicKeys(text)


def aged(writer: Writer, lines: int) -> None:
    """Write a line a day, up to noon, with a checkpoint every second."""
    for number in range(lines):
        at_us = NOON - (lines - 1 - number) * DAY
        write(writer, line(f"a{number + 1}", actor=f"person{number + 1}", at_us=at_us))
        if number % 2:
            with writer.transaction():
                writer.checkpoint_audit(at_us, always=True)


def test_the_old_end_is_cut_and_the_cut_is_signed(writer: Writer, reader: Reader) -> None:
    aged(writer, 9)
    assert writer.retain_audit(NOON - 4 * DAY, NOON) == 4
    checked = reader.check_audit(KEYS)
    assert checked.trouble is None
    assert (checked.first, checked.lines) == (5, 5)
    assert {one.actor for one in audit_lines(reader)} == {f"person{number}" for number in range(5, 10)}
    assert reader.counts()["audit_names"] == 5


def test_a_cut_is_made_once_a_day_and_the_last_counts(writer: Writer, reader: Reader) -> None:
    aged(writer, 9)
    assert writer.retain_audit(NOON - 6 * DAY, NOON) == 2
    assert writer.retain_audit(NOON - 4 * DAY, NOON) == 0
    assert writer.retain_audit(NOON - 4 * DAY, NOON + DAY) == 2
    assert trouble(reader) == ""


def test_more_than_was_cut_is_missed(path: Path) -> None:
    with Database.open(path) as database:
        writer = database.writer(KEY)
        aged(writer, 9)
        writer.retain_audit(NOON - 4 * DAY, NOON)
    tamper(path, "DELETE FROM audit WHERE line = 5")
    with Database.open(path, read_only=True) as database:
        assert trouble(database.reader()) == "line 5 is missing: the cut was at line 4, and the first line is 6"


def test_the_newest_line_is_never_cut(writer: Writer, reader: Reader) -> None:
    aged(writer, 3)
    assert writer.retain_audit(NOON + DAY, NOON) == 2
    write(writer, line("a4"))
    assert trouble(reader) == ""


def test_a_head_that_was_cut_cannot_be_compared(writer: Writer, reader: Reader) -> None:
    aged(writer, 9)
    head = Head(2, reader.audit_page(1, 0, 2 * NOON, 1)[0].line.hash)
    assert trouble(reader, head) == ""
    writer.retain_audit(NOON - 4 * DAY, NOON)
    assert trouble(reader, head) == "line 2 cannot be compared: retention has cut the lines up to 4"


def test_lines_of_an_older_store_are_taken_up_as_they_are(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    connection = duckdb.connect(str(path))
    migrate(connection, path, MIGRATIONS[:7])
    connection.execute("""
        INSERT INTO audit VALUES (1, now()::TIMESTAMP, 'carol', 'alert triaged', 'a1', 'bank', 'because', '{"a":1}'),
            (2, now()::TIMESTAMP, 'pipeline', 'alert raised', 'a2', 'bank', '', '{}')""")
    connection.close()
    with Database.open(path) as database:
        writer, reader = database.writer(KEY), database.reader()
        before = audit_lines(reader)
        assert trouble(reader) == ""
        write(writer, line("a3", actor="pipeline"))
        assert trouble(reader) == ""
        third, begun, *old = audit_lines(reader)
        assert old == before
        assert (begun.act, begun.why[:7], third.subject) == (CHAIN_BEGUN, "2 lines", "a3")
        assert "carol" not in str(reader._rows("SELECT * FROM audit"))


def test_a_line_without_hashes_among_others_is_named(path: Path) -> None:
    with Database.open(path) as database:
        write(database.writer(KEY), line(), line(), line())
    tamper(path, "UPDATE audit SET line_hash = NULL WHERE line = 2")
    with Database.open(path, read_only=True) as database:
        assert trouble(database.reader()) == "line 2 has no hash: it was not written by the pipeline"


def test_what_was_done_since_the_last_checkpoint_is_seen_without_the_rest(path: Path) -> None:
    with Database.open(path) as database:
        writer = database.writer(KEY)
        write(writer, line("a1"))
        with writer.transaction():
            writer.checkpoint_audit(NOON, always=True)
        write(writer, line("a2"), line("a3"))
        assert database.reader().audit_trouble_since_checkpoint(KEYS) == ""
    tamper(path, "UPDATE audit SET subject = 'a9' WHERE line = 3")
    with Database.open(path, read_only=True) as database:
        assert database.reader().audit_trouble_since_checkpoint(KEYS) == "line 3 was changed"


def test_a_check_sees_one_moment_while_lines_are_written(writer: Writer, database: Database) -> None:
    write(writer, *[line()] * 2_000)
    found: list[str] = []

    def look() -> None:
        reader = database.reader()
        found.extend(trouble(reader) for _ in range(5))
        reader.close()

    looking = threading.Thread(target=look)
    looking.start()
    while looking.is_alive():
        write(writer, line())
    looking.join()
    assert found == [""] * 5
