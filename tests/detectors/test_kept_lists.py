"""Network lists that change while the rules run: each event is held against the list of its own time."""

from __future__ import annotations

from dataclasses import dataclass, field

from detectors.findings.stage import Detection
from detectors.kept_lists import MAX_VERSIONS, KeptLists, changed, digest
from detectors.lists import NetworkList
from detectors.plan import Plan
from detectors.remembered import RememberedDays
from detectors.rules import BUILTIN
from schemas.event import Event
from schemas.instant import DAY, SECOND
from schemas.signal import Signal
from store.rows import SnapshotRow
from tests.detectors.story import AMSTERDAM_HOSTING, BERLIN, NEW_YORK, START_US, default_apps, login, new_detection


def content(*cidrs: str, severity: str = "high") -> str:
    kept = NetworkList(name="blocked", owner="soc", expires_us=START_US + 30 * DAY, severity=severity, cidrs=cidrs)  # type: ignore[arg-type]
    return kept.model_dump_json()


NEW_YORK_LISTED, AMSTERDAM_LISTED = content("198.51.100.0/24"), content("203.0.113.0/24")


def list_changed(at: float, text: str | None, name: str = "blocked") -> Signal:
    return changed(name, text, START_US + round(at * SECOND))


@dataclass
class Run:
    """A detection stage that asks lists alone."""

    detection: Detection = field(
        default_factory=lambda: new_detection(Plan(rules=BUILTIN, only=["listed-network"]), default_apps())
    )

    def told(self, *items: Event | Signal) -> list[str | None]:
        return [change.alert.user_id for change in self.detection.process(items).changes]


def test_a_list_that_comes_is_asked_at_once() -> None:
    assert Run().told(list_changed(0, NEW_YORK_LISTED), login("alice", 10, NEW_YORK), login("bob", 20)) == ["alice"]


def test_an_entry_that_goes_is_no_finding_any_more() -> None:
    run = Run()
    run.told(list_changed(0, NEW_YORK_LISTED))
    assert run.told(login("alice", 10, NEW_YORK)) == ["alice"]
    assert run.told(list_changed(60, AMSTERDAM_LISTED), login("bob", 70, NEW_YORK)) == []
    assert run.told(login("carol", 80, AMSTERDAM_HOSTING)) == ["carol"]


def test_a_list_that_is_gone_holds_nothing() -> None:
    run = Run()
    run.told(list_changed(0, NEW_YORK_LISTED), list_changed(60, None))
    assert run.told(login("alice", 70, NEW_YORK)) == []


def test_a_late_event_is_held_against_the_list_of_its_own_time() -> None:
    run = Run()
    run.told(list_changed(0, NEW_YORK_LISTED), list_changed(600, AMSTERDAM_LISTED), login("zoe", 700))
    assert run.told(login("alice", 30, NEW_YORK), login("bob", 30, AMSTERDAM_HOSTING)) == ["alice"]


def test_an_event_out_of_order_does_not_bring_its_neighbours_before_another_list() -> None:
    """The session's tail is judged again, each event by the list of its own time: nothing is withdrawn."""
    run = Run()
    run.told(list_changed(0, NEW_YORK_LISTED), login("alice", 50, NEW_YORK, session="a"))
    changes = run.detection.process(
        [list_changed(60, AMSTERDAM_LISTED), login("alice", 40, BERLIN, session="b")]
    ).changes
    assert "withdrawn" not in {change.kind for change in changes}


def test_two_lists_hold_each_for_itself() -> None:
    kept = KeptLists()
    kept.apply(list_changed(0, NEW_YORK_LISTED))
    kept.apply(list_changed(0, AMSTERDAM_LISTED.replace("blocked", "other"), "other"))
    kept.apply(list_changed(10, None, "other"))
    assert [one.name for one in kept.at(START_US + 5 * SECOND)] == ["blocked", "other"]
    assert [one.name for one in kept.at(START_US + 15 * SECOND)] == ["blocked"]
    assert kept.newest() == {"blocked": digest(NEW_YORK_LISTED)}


def test_what_was_before_the_first_version_is_taken_to_be_the_same() -> None:
    kept = KeptLists()
    kept.apply(list_changed(0, NEW_YORK_LISTED))
    assert [one.name for one in kept.at(0)] == ["blocked"]


def test_old_versions_are_forgotten() -> None:
    kept = KeptLists()
    for number in range(200):
        kept.apply(list_changed(number, content(f"10.0.{number}.0/24")))
    ((_, versions),) = kept.stored()
    assert len(versions) == MAX_VERSIONS
    kept.apply(list_changed(3 * 86_400, NEW_YORK_LISTED))
    ((_, versions),) = kept.stored()
    assert len(versions) == 2


def test_a_restart_knows_the_lists_and_their_past() -> None:
    run = Run()
    run.told(list_changed(0, NEW_YORK_LISTED), list_changed(600, AMSTERDAM_LISTED))
    rows = run.detection.take_rows()
    again = Run()
    again.detection.restore(rows, BUILTIN, lambda _seqs: {}, RememberedDays().user_days)
    assert again.told(login("alice", 700, AMSTERDAM_HOSTING), login("bob", 30, NEW_YORK)) == ["alice", "bob"]


def test_where_the_rules_are_others_the_lists_are_still_known() -> None:
    run = Run()
    run.told(list_changed(0, NEW_YORK_LISTED))
    rows = run.detection.take_rows()
    other = Run()
    other.detection.adopt_lasting(rows)
    assert other.told(login("alice", 10, NEW_YORK)) == ["alice"]
    assert "findings list" in {row.kind for row in other.detection.take_rows()}


def test_a_list_that_did_not_change_is_not_stored_again() -> None:
    run = Run()
    run.told(list_changed(0, NEW_YORK_LISTED))

    def stored() -> list[SnapshotRow]:
        return [row for row in run.detection.take_rows() if row.kind == "findings list"]

    assert len(stored()) == 1
    assert stored() == []
