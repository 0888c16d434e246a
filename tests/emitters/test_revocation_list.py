from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sessionwatch_emitter import RevocationList, RevocationListError
from sessionwatch_emitter.revocation_list import SHORTEST_LIFE_S, Outcome, Refusal

DAY = 24 * 3600


class Clock:
    """A wall clock that a test moves, in seconds."""

    def __init__(self) -> None:
        self.now = 1_764_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(path: Path, clock: Clock, **settings: float | bool) -> RevocationList:
    return RevocationList(path, clock=clock, **settings)  # type: ignore[arg-type]


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """The path of a list whose file the test turns to garbage."""
    return tmp_path / "list.sqlite"


def spoil(revocations: RevocationList, path: Path) -> None:
    revocations.close()
    remove(path)
    path.write_bytes(b"not a database, " * 1000)


def test_an_unknown_session_passes(revocations: RevocationList) -> None:
    assert revocations.refusal(["s_a"]) is None


def test_a_revoked_session_is_refused(revocations: RevocationList) -> None:
    assert revocations.revoke_session("s_a", 1) is Outcome.APPLIED
    assert revocations.refusal(["s_a"]) == Refusal("session", "s_a")


def test_a_session_is_found_under_any_of_its_keys(revocations: RevocationList) -> None:
    revocations.revoke_session("s_k0_a", 1)
    assert revocations.refusal(["s_k1_a", "s_k0_a"]) == Refusal("session", "s_k0_a")


def test_a_released_session_passes(revocations: RevocationList) -> None:
    revocations.revoke_session("s_a", 1)
    revocations.release("session", "s_a", 2)
    assert revocations.refusal(["s_a"]) is None


def test_a_late_retry_cannot_undo_a_release(revocations: RevocationList) -> None:
    revocations.revoke_session("s_a", 1)
    revocations.release("session", "s_a", 2)
    assert revocations.revoke_session("s_a", 1) is Outcome.STALE
    assert revocations.refusal(["s_a"]) is None


def test_a_release_that_comes_before_its_revocation_wins(revocations: RevocationList) -> None:
    revocations.release("session", "s_a", 2)
    revocations.revoke_session("s_a", 1)
    assert revocations.refusal(["s_a"]) is None


def test_a_message_met_before_changes_nothing(revocations: RevocationList) -> None:
    revocations.revoke_session("s_a", 1, message_id="m")
    assert revocations.release("session", "s_a", 2, message_id="m") is Outcome.REPEATED
    assert revocations.refusal(["s_a"]) is not None


@pytest.mark.parametrize(("started_us", "refused"), [(999, True), (1000, False), (1001, False), (None, True)])
def test_a_users_earlier_sessions_are_refused_and_later_ones_pass(
    revocations: RevocationList, started_us: int | None, refused: bool
) -> None:
    revocations.revoke_user("alice", 1, not_before_us=1000)
    refusal = revocations.refusal(["s_a"], user_id="alice", started_us=started_us)
    assert (refusal == Refusal("user", "alice")) is refused


def test_other_users_pass(revocations: RevocationList) -> None:
    revocations.revoke_user("alice", 1, not_before_us=1000)
    assert revocations.refusal(["s_a"], user_id="bob", started_us=1) is None


def test_it_says_whether_any_user_is_revoked(revocations: RevocationList) -> None:
    assert not revocations.has_users()
    revocations.revoke_user("alice", 1, not_before_us=1000)
    assert revocations.has_users()
    revocations.release("user", "alice", 2)
    assert not revocations.has_users()


def test_a_sessions_mark_changes_with_all_that_befalls_it(tmp_path: Path) -> None:
    revocations, other = RevocationList(tmp_path / "l"), RevocationList(tmp_path / "l")
    marks = [other.mark_of(["s_b", "s_a"], "alice")]
    for befall in (
        lambda: revocations.revoke_session("s_a", 3),
        lambda: revocations.release("session", "s_a", 4),
        lambda: revocations.note_ends(["s_a"]),
        lambda: revocations.note_ends(["s_a"]),
        lambda: revocations.note_ends([], ["alice"]),
    ):
        befall()
        marks.append(other.mark_of(["s_b", "s_a"], "alice"))
    assert len(set(marks)) == 6


def test_a_mark_does_not_change_with_what_befalls_others(revocations: RevocationList) -> None:
    before = revocations.mark_of(["s_a"], "alice")
    revocations.revoke_session("s_b", 1)
    revocations.note_ends(["s_b"], ["bob"])
    assert revocations.mark_of(["s_a"], "alice") == before


def test_an_entry_lives_for_30_days(tmp_path: Path, clock: Clock) -> None:
    revocations = make(tmp_path / "l", clock)
    revocations.revoke_session("s_a", 1)
    clock.now += 31 * DAY
    assert revocations.refusal(["s_a"]) is None


def test_an_entry_lives_for_a_longer_absolute_timeout(tmp_path: Path, clock: Clock) -> None:
    revocations = make(tmp_path / "l", clock, absolute_timeout=90 * DAY)
    revocations.revoke_session("s_a", 1)
    clock.now += 80 * DAY
    assert revocations.refusal(["s_a"]) is not None


def test_a_refused_try_renews_the_entry_in_every_process(tmp_path: Path, clock: Clock) -> None:
    revocations, other = make(tmp_path / "l", clock), make(tmp_path / "l", clock)
    revocations.revoke_session("s_a", 1)
    clock.now += SHORTEST_LIFE_S - DAY
    assert revocations.refusal(["s_a"]) is not None
    clock.now += 2 * DAY
    assert other.refusal(["s_a"]) is not None


def test_what_was_revoked_outlives_the_process(tmp_path: Path, clock: Clock) -> None:
    make(tmp_path / "l", clock).revoke_session("s_a", 1)
    assert make(tmp_path / "l", clock).refusal(["s_a"]) is not None


def test_another_process_refuses_at_its_next_request(tmp_path: Path) -> None:
    program = (
        "import sys; from sessionwatch_emitter import RevocationList\n"
        "revocations = RevocationList(sys.argv[1])\n"
        "for line in sys.stdin: print(revocations.refusal([line.strip()]) is not None, flush=True)\n"
    )
    revocations = RevocationList(tmp_path / "l")
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "l")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None

        def asked() -> str:
            worker.stdin.write("s_a\n")
            worker.stdin.flush()
            return worker.stdout.readline().strip()

        answers = [asked()]
        revocations.revoke_session("s_a", 1)
        answers.append(asked())
        revocations.release("session", "s_a", 2)
        answers.append(asked())
        worker.stdin.close()
    assert answers == ["False", "True", "False"]


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    program = (
        "import sys; from sessionwatch_emitter import RevocationList\n"
        "revocations = RevocationList(sys.argv[1])\n"
        "for n in range(20): revocations.revoke_session(f's_{sys.argv[2]}_{n}', 1)\n"
    )
    path = str(tmp_path / "l")
    revocations = RevocationList(path)
    writers = [subprocess.Popen([sys.executable, "-c", program, path, name]) for name in "ab"]
    assert [writer.wait(20) for writer in writers] == [0, 0]
    missing = [f"s_{name}_{n}" for name in "ab" for n in range(20) if not revocations.refusal([f"s_{name}_{n}"])]
    assert missing == []


def test_an_unreadable_list_lets_through_counts_and_reports_once(broken: Path, clock: Clock) -> None:
    revocations = make(broken, clock)
    reports: list[str] = []
    revocations.on_unreadable = lambda: reports.append("unreadable")
    spoil(revocations, broken)
    assert [revocations.refusal(["s_a"]) for _ in range(3)] == [None, None, None]
    assert (revocations.unreadable, reports) == (3, ["unreadable"])


def test_an_unreadable_list_still_refuses_what_it_knew(broken: Path, clock: Clock) -> None:
    revocations = make(broken, clock)
    revocations.revoke_session("s_a", 1)
    assert revocations.refusal(["s_a"]) is not None
    spoil(revocations, broken)
    assert revocations.refusal(["s_a"]) == Refusal("session", "s_a")


def test_an_unreadable_list_that_fails_closed_refuses(broken: Path, clock: Clock) -> None:
    revocations = make(broken, clock, fail_closed=True)
    spoil(revocations, broken)
    assert revocations.refusal(["s_a"]) == Refusal(None, "")


def test_an_unreadable_list_takes_no_revocation_in_silence(broken: Path, clock: Clock) -> None:
    revocations = make(broken, clock)
    spoil(revocations, broken)
    with pytest.raises(RevocationListError, match="cannot write the revocation list"):
        revocations.revoke_session("s_a", 1)


def remove(path: Path) -> None:
    for left in path.parent.glob(path.name + "*"):
        left.unlink()


def test_a_list_whose_file_was_deleted_counts_as_unreadable(tmp_path: Path, clock: Clock) -> None:
    revocations = make(tmp_path / "l", clock)
    reports: list[str] = []
    revocations.on_unreadable = lambda: reports.append("unreadable")
    revocations.revoke_session("s_a", 1)
    assert revocations.refusal(["s_b"]) is None
    remove(tmp_path / "l")
    assert [revocations.refusal([session_id]) for session_id in ("s_a", "s_b")] == [Refusal("session", "s_a"), None]
    assert (revocations.unreadable, reports) == (2, ["unreadable"])


def test_a_list_that_fails_closed_refuses_once_its_file_was_deleted(tmp_path: Path, clock: Clock) -> None:
    revocations = make(tmp_path / "l", clock, fail_closed=True)
    assert revocations.refusal(["s_a"]) is None
    remove(tmp_path / "l")
    assert revocations.refusal(["s_a"]) == Refusal(None, "")


def replace_by_another(path: Path) -> RevocationList:
    remove(path)
    return RevocationList(path)


def replace_by_rename(path: Path) -> RevocationList:
    RevocationList(path.with_name("made-beside")).close()
    path.with_name("made-beside").rename(path)
    remove(path.with_name(path.name + "-"))
    return RevocationList(path)


@pytest.mark.parametrize("replace", [replace_by_another, replace_by_rename])
def test_a_list_whose_file_was_replaced_reads_the_new_one(
    tmp_path: Path, replace: Callable[[Path], RevocationList]
) -> None:
    revocations = RevocationList(tmp_path / "l")
    revocations.revoke_session("s_before", 1)
    assert revocations.refusal(["s_before"]) is not None
    other = replace(tmp_path / "l")
    other.revoke_session("s_by_the_other", 1)
    assert revocations.refusal(["s_by_the_other"]) is not None
    assert revocations.revoke_session("s_by_itself", 1) is Outcome.APPLIED
    assert revocations.refusal(["s_by_itself"]) is not None
    # What it has refused before it goes on refusing, though the new file does not know it.
    assert revocations.refusal(["s_before"]) is not None
    assert revocations.unreadable == 0


def test_letting_go_of_a_replaced_file_costs_the_new_one_nothing(tmp_path: Path) -> None:
    revocations = RevocationList(tmp_path / "l")
    other = replace_by_another(tmp_path / "l")
    other.revoke_session("s_a", 1)
    revocations.refusal(["s_a"])
    revocations.close()
    other.revoke_session("s_b", 1)
    other.close()
    afresh = RevocationList(tmp_path / "l")
    assert [session_id for session_id in ("s_a", "s_b") if not afresh.refusal([session_id])] == []


def test_a_list_finds_its_file_after_a_change_of_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    revocations = RevocationList("l")
    monkeypatch.chdir("/")
    assert revocations.revoke_session("s_a", 1) is Outcome.APPLIED
    assert revocations.refusal(["s_a"]) is not None
    assert revocations.unreadable == 0


def test_a_place_where_no_file_can_be_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RevocationListError, match=r"^cannot open the revocation list .*nowhere.*$"):
        RevocationList(tmp_path / "nowhere" / "l")


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    RevocationList(tmp_path / "l")
    assert stat.S_IMODE((tmp_path / "l").stat().st_mode) == 0o600


def test_the_same_revocation_delivered_once_more_is_applied_once_more(tmp_path: Path) -> None:
    """The pipeline delivers again when a session goes on: what somebody took out of the list by hand comes back."""
    revocations = RevocationList(tmp_path / "list.sqlite")
    assert revocations.revoke_session("s_a", 1, message_id="first") is Outcome.APPLIED
    assert revocations.revoke_session("s_a", 1, message_id="again") is Outcome.APPLIED
