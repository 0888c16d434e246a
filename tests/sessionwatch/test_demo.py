"""The demo's pieces; the whole of it runs in tests/e2e/test_demo.py."""

from __future__ import annotations

import ipaddress
import json
import stat
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import apprise
import pytest
from rich.console import Console

from schemas.alert import Alert, Severity
from sessionwatch.config import load
from sessionwatch.config.warnings import warnings
from sessionwatch.demo.chat_room import ChatRoom
from sessionwatch.demo.child import Child
from sessionwatch.demo.configuration import configuration
from sessionwatch.demo.errors import DemoError
from sessionwatch.demo.facts import LockedOut, Refused, Stolen, Trouble
from sessionwatch.demo.folder import Folder
from sessionwatch.demo.narrator import Narrator
from sessionwatch.demo.networks import NETWORKS
from sessionwatch.demo.people import CHROME_LINUX, Person, population
from sessionwatch.demo.report import failures, report
from sessionwatch.demo.story import Said, Story
from sessionwatch.demo.thieves import THEFTS, Theft
from sessionwatch.demo.watched import Committed, PipelineEnded, RevocationState, Totals

URLS = {"bank": "http://127.0.0.1:8001", "shop": "http://127.0.0.1:8002"}
# Set aside for documentation and benchmarks by RFC 5737, 2544 and 3849.
RESERVED = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "2001:db8::/32")


@pytest.fixture
def folder() -> Iterator[Folder]:
    with Folder() as made:
        yield made


@pytest.fixture
def screen() -> StringIO:
    return StringIO()


@pytest.fixture
def story(screen: StringIO) -> Story:
    return Story(Narrator(Console(file=screen, width=200)))


# The folder


def test_nobody_else_may_enter_the_folder(folder: Folder) -> None:
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_nobody_else_may_read_its_files(folder: Folder) -> None:
    folder.make_secrets("bank")
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.path.iterdir()} == {0o600}


def test_the_folder_is_gone_at_the_end() -> None:
    with Folder() as folder:
        folder.write("some.key", "secret")
    assert not folder.path.exists()


def test_the_log_of_a_failure_outlives_the_folder() -> None:
    with Folder() as folder:
        folder.log.write_text("what went wrong\n")
        kept = folder.keep_log()
    assert kept is not None
    assert kept.read_text() == "what went wrong\n"
    kept.unlink()


def test_without_a_temporary_folder_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    with pytest.raises(DemoError, match="no temporary folder can be made: no such file or directory; set TMPDIR"):
        Folder()


# The configuration


def test_the_configuration_is_valid_and_means_what_it_says(folder: Folder) -> None:
    for app in URLS:
        folder.make_secrets(app)
    folder.write("chat.url", "json://127.0.0.1:8003/x\n")
    file = folder.write("sessionwatch.toml", configuration("127.0.0.1:9092", URLS))
    assert warnings(load(file, environ={})) == []


# The people


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.cidr)
def test_the_networks_exist_in_no_real_internet(network: tuple[str, ...]) -> None:
    cidr = ipaddress.ip_network(network[0])
    kin = [ipaddress.ip_network(text) for text in RESERVED if (":" in text) == (cidr.version == 6)]
    assert any(cidr.subnet_of(one) for one in kin)  # type: ignore[arg-type]


@pytest.mark.parametrize("person", population(), ids=lambda person: person.name)
def test_everybody_browses_from_a_network_that_the_operator_has_named(person: Person) -> None:
    assert all(_named(address) for address in person.addresses)


@pytest.mark.parametrize("theft", THEFTS.values(), ids=lambda theft: theft.name)
def test_thieves_come_from_named_networks_too(theft: Theft) -> None:
    victims = [person for person in population() if person.app == theft.app and person.habit == "plain"]
    assert all(_named(theft.address(victim, number)) for victim in victims for number in (1, 999))


def test_the_thief_of_a_logged_out_cookie_shares_network_and_browser_but_not_the_address() -> None:
    theft = THEFTS["after-logout"]
    victim = next(person for person in population() if person.app == "shop" and person.habit == "plain")
    own, others = (ipaddress.ip_interface(f"{text}/64") for text in (victim.addresses[0], theft.address(victim, 1)))
    assert own != others
    assert own.network == others.network
    assert theft.agent(victim) == victim.agents[0]


def test_none_of_the_people_has_the_thiefs_other_browser() -> None:
    assert all(CHROME_LINUX not in person.agents for person in population())


def test_a_person_does_not_show_the_password() -> None:
    person = population()[0]
    assert person.password not in repr(person)


def _named(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    return any(ip in ipaddress.ip_network(network.cidr) for network in NETWORKS)


# The chat


def test_the_chat_hears_what_apprise_sends() -> None:
    heard: list[str] = []
    with ChatRoom(heard.append) as room:
        service = apprise.Apprise()
        assert service.add(room.url)
        assert service.notify(title="HIGH", body="alert 4711")
    assert heard == ["HIGH\nalert 4711"]


def test_nobody_without_its_address_can_speak_in_the_chat() -> None:
    heard: list[str] = []
    with ChatRoom(heard.append) as room:
        address = room.url.replace("json:", "http:").rpartition("/")[0]
        body = json.dumps({"title": "HIGH", "message": "forged"}).encode()
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            urllib.request.urlopen(f"{address}/guess", data=body, timeout=5)
        refused.value.close()
    assert heard == []


def test_no_thread_of_the_chat_is_left() -> None:
    with ChatRoom(lambda _text: None):
        pass
    assert "chat-room" not in {thread.name for thread in threading.enumerate()}


# Processes


def test_a_process_that_ends_by_itself_is_noticed(tmp_path: Path) -> None:
    with Child("the crowd", "sessionwatch.demo.no_such_module", log=tmp_path / "log") as child:
        assert child.output.read() == b""
        child.stop()
        with pytest.raises(DemoError, match=r"the crowd has ended by itself \(1\)"):
            child.check()


def test_a_process_that_does_not_listen_is_ended_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessionwatch.demo.child.STOP_S", 0.2)
    (tmp_path / "deaf.py").write_text(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with Child("the deaf", "deaf", log=tmp_path / "log") as child:
        assert child.output.readline() == b"up\n"
        child.stop()
        with pytest.raises(DemoError, match=r"\(-9\)"):
            child.check()


# The story


def test_times_count_from_the_first_stolen_request(story: Story) -> None:
    tell_a_theft(story)
    (attack,) = report(story, TOTALS)["attackers"]  # type: ignore[misc]
    assert (attack["detected_ms"], attack["locked_out_ms"]) == (40.0, 110.0)


def test_a_defeated_theft_leaves_nothing_to_complain_about(story: Story) -> None:
    tell_a_theft(story)
    assert failures(story, TOTALS, wanted=1) == []


@pytest.mark.parametrize(
    ("without", "complaint"),
    [
        ("alert", "not detected"),
        ("message", "no alert was sent"),
        ("refusal", "the app did not answer 401"),
        ("proof", "the app has not proved that the session is gone"),
    ],
)
def test_whatever_is_missing_is_named(story: Story, without: str, complaint: str) -> None:
    tell_a_theft(story, without=without)
    assert f"other-country-and-browser: {complaint}" in failures(story, TOTALS, wanted=1)


def test_a_cookie_that_was_refused_at_once_shows_nothing(story: Story) -> None:
    tell_a_theft(story, accepted=0)
    assert failures(story, TOTALS, wanted=1) == ["other-country-and-browser: the cookie was never good"]


def test_another_answer_than_401_is_no_success(story: Story) -> None:
    tell_a_theft(story, status=500)
    assert failures(story, TOTALS, wanted=1) == ["other-country-and-browser: the app did not answer 401"]


def test_a_theft_that_never_took_place_is_missed(story: Story) -> None:
    tell_a_theft(story)
    assert failures(story, TOTALS, wanted=3) == ["only 1 of 3 thefts took place"]


def test_a_session_that_the_store_ended_and_nobody_stole_is_counted(story: Story) -> None:
    tell_a_theft(story)
    totals = Totals(ended=frozenset({"s_stolen", "s_innocent"}))
    assert failures(story, totals, wanted=1) == ["sessions ended that nobody had stolen: 1"]


def test_a_visitor_who_was_refused_for_nothing_is_counted(story: Story) -> None:
    tell_a_theft(story)
    story.take(Refused("felix", "bank", "s_innocent"))
    assert report(story, TOTALS)["others_ended"] == 1


def test_the_owner_of_a_stolen_session_is_no_bystander(story: Story) -> None:
    tell_a_theft(story)
    story.take(Refused("alice", "bank", "s_stolen"))
    assert story.bystanders == set()


def test_a_revocation_that_the_guard_holds_ends_the_wait(story: Story) -> None:
    tell_a_theft(story, without="proof", held="the budget of this hour is spent")
    assert story.finished(1)


@pytest.mark.parametrize("trouble", [Trouble("no answer"), PipelineEnded("disk full")])
def test_a_failing_part_ends_the_demo(story: Story, trouble: Trouble | PipelineEnded) -> None:
    with pytest.raises(DemoError, match="the demo cannot go on"):
        story.take(trouble)


def test_without_a_terminal_the_story_is_plain_lines(story: Story, screen: StringIO) -> None:
    tell_a_theft(story)
    lines = screen.getvalue().splitlines()
    assert [line.split()[1] for line in lines if ":" in line[:8]] == ["THEFT", "ALERT", "REVOKED", "CHAT", "401"]
    assert "\x1b" not in screen.getvalue()


ALERT = Alert(
    alert_id="5f0c0000-0000-5000-8000-000000000001",
    rule_id="session-hijack",
    rule_version=1,
    severity=Severity.CRITICAL,
    mode="enforce",
    app="bank",
    key_kind="session",
    key_value="s_stolen",
    event_time_us=0,
    first_event_time_us=0,
    last_event_time_us=0,
    summary="Began here, now used from there",
    user_id="alice",
    session_id="s_stolen",
)
TOTALS = Totals(events=9, alerts=1, revocations={"confirmed": 1}, ended=frozenset({"s_stolen"}))


def tell_a_theft(story: Story, *, without: str = "", status: int = 401, accepted: int = 2, held: str = "") -> None:
    """One theft from its first request on, at 0, 40, 55, 110 and 130 ms."""
    story.take(Stolen(1, "other-country-and-browser", "alice", "bank", "s_stolen", 0))
    alerts = () if without == "alert" else (ALERT,)
    first = RevocationState("s_stolen", "bank", "held" if held else "sent", held)
    story.take(Committed(40_000, 1, 0, alerts, (first,)))
    if without != "message":
        story.take(Said(f"CRITICAL\nAlert: {ALERT.alert_id}", 55_000))
    if without != "refusal":
        story.take(LockedOut(1, 110_000, status, accepted))
    if without != "proof":
        proved = RevocationState("s_stolen", "bank", "confirmed", "")
        story.take(Committed(130_000, 1, 0, (), (proved,)))
