"""`[[lists]]`: the configuration, the files, and the watch over them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from detectors.kept_lists import KeptLists
from schemas.alert import Severity
from schemas.instant import SECOND, parse_rfc3339
from sessionwatch.config.lists import ListSettings
from sessionwatch.config.parts import rule_plan
from sessionwatch.config.warnings import list_warnings
from sessionwatch.list_file import MAX_TOLD, ListFileError, read_list
from sessionwatch.list_watch import ListWatch

if TYPE_CHECKING:
    from tests.sessionwatch.conftest import Problems, Read

LISTS = """
[[lists]]
name = "blocked"
file = "blocked.txt"
owner = "soc"
expires = 2027-01-31
severity = "high"
"""
GOOD = """\
# what the soc has seen
198.51.100.0/24
203.0.113.7          # one address
2001:db8:1::/48
AS64500

as64501
"""


@pytest.fixture
def blocked(read: Read, tmp_path: Path) -> ListSettings:
    (tmp_path / "blocked.txt").write_text(GOOD)
    (one,) = read(LISTS).lists
    return one


def write(one: ListSettings, text: str) -> None:
    """Write it anew, so that it is seen to be another file also within one tick of the file system's clock."""
    fresh = one.file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(one.file)


class Watched:
    """The watch, and detectors that hear of what it says."""

    def __init__(self, *lists: ListSettings, kept: KeptLists | None = None) -> None:
        self.kept = kept or KeptLists()
        self._watch = ListWatch(lists, self.kept.newest)
        self.now_us = parse_rfc3339("2026-11-25T10:00:00Z")

    def look(self, after_s: float = 2.0) -> list[str]:
        self.now_us += round(after_s * SECOND)
        signals = self._watch.signals(self.now_us)
        for signal in signals:
            self.kept.apply(signal)
        return [str(signal.payload["name"]) for signal in signals]

    def asns(self) -> tuple[int, ...]:
        (one,) = self.kept.at(self.now_us)
        return one.asns


def warnings(logs: list[Mapping[str, object]]) -> list[str]:  # type: ignore[type-arg]
    return [str(line["why"]) for line in logs if line["log_level"] == "warning"]


def test_a_file_holds_networks_addresses_and_systems(blocked: ListSettings) -> None:
    kept = read_list(blocked)
    assert kept.cidrs == ("198.51.100.0/24", "2001:db8:1::/48", "203.0.113.7/32")
    assert kept.asns == (64_500, 64_501)
    assert (kept.name, kept.owner, kept.severity) == ("blocked", "soc", Severity.HIGH)
    assert kept.expires_us == parse_rfc3339("2027-02-01T00:00:00Z")


def test_order_comments_and_doubles_make_no_other_list(blocked: ListSettings) -> None:
    before = read_list(blocked)
    write(blocked, "\n".join(reversed(GOOD.splitlines())) + "\nAS64500\n# more")
    assert read_list(blocked) == before


def test_every_bad_line_is_named(blocked: ListSettings) -> None:
    write(blocked, "198.51.100.7/24\n\n64500\nAS99999999999\nnonsense\n198.51.100.0/24\n")
    with pytest.raises(ListFileError) as caught:
        read_list(blocked)
    first, *others = caught.value.problems
    assert first.endswith('line 1: "198.51.100.7/24" has bits set beyond its prefix: did you mean "198.51.100.0/24"?')
    assert [line.split(": ")[0].rsplit(" ", 1)[1] for line in others] == ["3", "4", "5"]


def test_of_very_many_bad_lines_the_first_are_named(blocked: ListSettings) -> None:
    write(blocked, "nonsense\n" * 100)
    with pytest.raises(ListFileError) as caught:
        read_list(blocked)
    assert len(caught.value.problems) == MAX_TOLD + 1
    assert caught.value.problems[-1].endswith("and 80 more lines")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"#" * (8 * 1024 * 1024 + 1), "larger than 8 MiB"),
        (
            b"".join(b"10.%d.%d.%d\n" % (n >> 16, n >> 8 & 255, n & 255) for n in range(100_001)),
            "more than 100000 entries",
        ),
    ],
)
def test_a_file_that_is_no_list_is_told(blocked: ListSettings, content: bytes, words: str) -> None:
    blocked.file.write_bytes(content)
    with pytest.raises(ListFileError, match=words):
        read_list(blocked)


def test_what_is_no_file_is_not_waited_for(blocked: ListSettings) -> None:
    blocked.file.unlink()
    os.mkfifo(blocked.file)
    with pytest.raises(ListFileError, match="is no file"):
        read_list(blocked)


def test_at_the_start_the_list_is_told_to_the_detectors(blocked: ListSettings) -> None:
    watched = Watched(blocked)
    assert watched.look() == ["blocked"]
    assert watched.asns() == (64_500, 64_501)


def test_a_change_is_seen_without_a_restart_and_once(blocked: ListSettings) -> None:
    watched = Watched(blocked)
    watched.look()
    assert watched.look() == []
    write(blocked, "AS64999")
    assert watched.look() == ["blocked"]
    assert watched.asns() == (64_999,)
    assert watched.look() == []


def test_it_looks_at_most_once_a_second(blocked: ListSettings) -> None:
    watched = Watched(blocked)
    watched.look()
    write(blocked, "AS64999")
    assert watched.look(0.5) == []
    assert watched.look(0.6) == ["blocked"]


def test_bad_lines_are_one_warning_each_and_the_old_list_stays(blocked: ListSettings) -> None:
    watched = Watched(blocked)
    watched.look()
    write(blocked, "AS64999\nnonsense\n1.2.3\n")
    with capture_logs() as logs:
        assert watched.look() == []
        assert watched.look() == []
    assert [line.rsplit("got ", 1)[1] for line in warnings(logs)] == ["'nonsense'", "'1.2.3'"]
    assert watched.asns() == (64_500, 64_501)
    write(blocked, "AS64999")
    assert watched.look() == ["blocked"]


def test_a_file_that_goes_is_one_warning_and_the_old_list_stays(blocked: ListSettings) -> None:
    watched = Watched(blocked)
    watched.look()
    blocked.file.unlink()
    with capture_logs() as logs:
        watched.look()
        watched.look()
    assert len(warnings(logs)) == 1
    assert "cannot be read" in warnings(logs)[0]
    assert watched.asns() == (64_500, 64_501)


def test_after_a_restart_only_what_changed_meanwhile_is_told(blocked: ListSettings) -> None:
    before = Watched(blocked)
    before.look()
    assert Watched(blocked, kept=before.kept).look() == []
    write(blocked, "AS64999")
    assert Watched(blocked, kept=before.kept).look() == ["blocked"]


def test_a_list_that_the_configuration_names_no_more_is_gone(blocked: ListSettings) -> None:
    before = Watched(blocked)
    before.look()
    after = Watched(kept=before.kept)
    assert after.look() == ["blocked"]
    assert after.kept.at(after.now_us) == []


def test_another_severity_is_another_list(blocked: ListSettings, read: Read) -> None:
    before = Watched(blocked)
    before.look()
    (milder,) = read(LISTS.replace("high", "low")).lists
    assert Watched(milder, kept=before.kept).look() == ["blocked"]


def test_signals_hold_all_that_a_replay_needs(blocked: ListSettings) -> None:
    (signal,) = ListWatch([blocked], dict).signals(0)
    assert signal.kind == "list_changed"
    assert json.loads(str(signal.payload["content"]))["asns"] == [64_500, 64_501]


def test_a_replay_of_a_file_asks_the_list_as_it_is_now(read: Read, tmp_path: Path) -> None:
    (tmp_path / "blocked.txt").write_text("AS64999")
    (one,) = rule_plan(read(LISTS)).lists.at(0)
    assert one.asns == (64_999,)


def test_a_replay_goes_on_without_a_list_that_is_bad(read: Read, tmp_path: Path) -> None:
    (tmp_path / "blocked.txt").write_text("nonsense")
    with capture_logs() as logs:
        assert rule_plan(read(LISTS)).lists.at(0) == []
    assert len(warnings(logs)) == 1


@pytest.mark.parametrize("left_out", ["name", "file", "owner", "expires"])
def test_a_list_has_a_name_a_file_an_owner_and_an_end(problems: Problems, left_out: str) -> None:
    text = "\n".join(line for line in LISTS.splitlines() if not line.startswith(left_out))
    (problem,) = problems(text)
    assert f"lists[0].{left_out}" in problem


def test_no_two_lists_have_one_name(problems: Problems) -> None:
    (problem,) = problems(LISTS + LISTS)
    assert '"blocked" stands there 2 times' in problem


def test_a_check_of_the_configuration_names_what_is_wrong_with_a_file(read: Read, tmp_path: Path) -> None:
    (tmp_path / "blocked.txt").write_text("AS1\nnonsense\n")
    (line,) = list_warnings(read(LISTS))
    assert line.startswith("lists[0].file: ")
    assert "line 2" in line


def test_a_backtest_asks_the_list_too(read: Read, tmp_path: Path) -> None:
    """Its file was never another, so that no signal tells of it."""
    from detectors.rules.listed_network import ListedNetwork
    from schemas.app import Apps
    from sessionwatch.config.parts import known_lists
    from sessionwatch.workshop.backtest import backtest
    from sessionwatch.workshop.history import Span
    from tests.detectors.story import NEW_YORK, START_US, login

    (tmp_path / "blocked.txt").write_text("198.51.100.0/24")
    rules, span = {"listed-network": ListedNetwork}, Span(START_US, START_US + 60 * SECOND)
    lists = known_lists(read(LISTS))
    found = backtest(
        ListedNetwork, lambda _since: [login("alice", 10, NEW_YORK)], span, Apps(),
        live=rules, settings={}, changes={}, lists=lists,
    )  # fmt: skip
    assert [alert.user_id for alert in found.alerts] == ["alice"]
