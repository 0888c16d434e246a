from __future__ import annotations

import pytest

from detectors.plan import RuleSetting
from detectors.rules.session_replay_tool import ReplayToolParameters
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    BERLIN,
    CURL,
    FIREFOX,
    FIREFOX_UPGRADED,
    NEW_YORK,
    SAFARI_IPHONE,
    Story,
    alert,
    given,
    login,
    rotation,
    use,
)

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME_ANDROID = f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {WEBKIT} Chrome/126.0.0.0 Mobile Safari/537.36"
HEADLESS = f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/126.0.0.0 Safari/537.36"
OKHTTP = "okhttp/4.12.0"


def replay_tool(*stream: object, **options: object) -> Story:
    return given(*stream, rules="session-replay-tool", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("tool", [CURL, "python-requests/2.32.0", "Go-http-client/2.0", OKHTTP, HEADLESS, "CURL/8"])
def test_a_browser_session_in_a_tool(tool: str) -> None:
    replay_tool(login("alice", at=0), use("alice", at=60, ip=AMSTERDAM_HOSTING, agent=tool)).then(
        alert("session-replay-tool", "high", session="alice", user="alice")
    )


def test_a_tool_on_the_network_of_the_browser_is_seen_too() -> None:
    replay_tool(login("alice", at=0), use("alice", at=60, agent=CURL)).then(alert("session-replay-tool", "high"))


def test_the_browser_need_not_be_fresh_from_its_login_but_in_use() -> None:
    browsing = [use("alice", at=60 * minute) for minute in range(1, 120)]
    replay_tool(login("alice", at=0), *browsing, use("alice", at=7200, ip=NEW_YORK, agent=CURL)).then(
        alert("session-replay-tool", "high")
    )


def test_long_after_the_browsers_last_use_the_tier_is_lower() -> None:
    replay_tool(login("alice", at=0), use("alice", at=1801, ip=NEW_YORK, agent=CURL)).then(
        alert("session-replay-tool", "medium")
    )


def test_how_recent_is_a_parameter() -> None:
    settings = {"session-replay-tool": RuleSetting(ReplayToolParameters(recent="1h"))}
    replay_tool(login("alice", at=0), use("alice", at=1801, ip=NEW_YORK, agent=CURL), settings=settings).then(
        alert("session-replay-tool", "high")
    )


def test_a_tool_told_out_of_order_is_found_where_it_belongs() -> None:
    replay_tool(login("alice", at=0), use("alice", at=100), use("alice", at=50, ip=NEW_YORK, agent=CURL)).then(
        alert("session-replay-tool", "high", hits=1)
    )


def test_a_tool_told_late_is_marked() -> None:
    browsing = [use("alice", at=60 * minute) for minute in range(1, 10)]
    replay_tool(login("alice", at=0), *browsing, use("alice", at=90, ip=NEW_YORK, agent=CURL)).then(
        alert("session-replay-tool", late=True)
    )


def test_a_rotation_by_the_tool_is_a_use_by_the_tool() -> None:
    replay_tool(
        login("alice", at=0, session="first"),
        rotation("alice", at=60, session="second", parent="first", ip=NEW_YORK, agent=CURL),
    ).then(alert("session-replay-tool", "high", session="second"))


@pytest.mark.parametrize("agent", [FIREFOX, FIREFOX_UPGRADED, SAFARI_IPHONE, None, "\ufffd\u202e lruc", "AcmeBank/3.2"])
def test_what_is_no_tool_is_for_other_rules(agent: str | None) -> None:
    replay_tool(login("alice", at=0), use("alice", at=60, ip=NEW_YORK, agent=agent)).silent()


def test_a_session_that_began_in_a_tool_may_go_on_in_tools() -> None:
    replay_tool(login("robot", at=0, agent=CURL), use("robot", at=60, agent="Go-http-client/2.0")).silent()


def test_a_new_login_by_a_tool_is_a_new_session() -> None:
    replay_tool(login("alice", at=0), login("alice", at=60, agent=CURL), use("alice", at=70, agent=CURL)).silent()


@pytest.mark.parametrize("name", ["okhttp", "OkHttp"])
def test_the_apps_own_client_is_named_by_app(name: str) -> None:
    own = RuleSetting(by_app={"bank": RuleSetting(ReplayToolParameters(internal_clients=(name,)))})
    replay_tool(
        login("alice", at=0, agent=SAFARI_IPHONE),
        use("alice", at=60, ip=NEW_YORK, agent=OKHTTP),
        settings={"session-replay-tool": own},
    ).silent()


def test_internal_calls_whose_agent_changes_its_form_are_no_tool() -> None:
    # panther-labs/panther-analysis PR 1086
    replay_tool(
        login("alice", at=0),
        use("alice", at=60, agent="idp-internal/1.0"),
        use("alice", at=120, agent="{idp-internal} 2"),
    ).silent()


def test_an_app_on_the_phone_whose_browser_signed_in_is_low() -> None:
    replay_tool(login("alice", at=0, agent=CHROME_ANDROID), use("alice", at=60, agent=OKHTTP)).then(
        alert("session-replay-tool", "low")
    )


def test_further_tools_are_named_by_parameter() -> None:
    settings = {"session-replay-tool": RuleSetting(ReplayToolParameters(tools=("AcmeScraper",)))}
    replay_tool(login("alice", at=0), use("alice", at=60, ip=BERLIN, agent="AcmeScraper/1"), settings=settings).then(
        alert("session-replay-tool", "high")
    )
