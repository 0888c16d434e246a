"""The pages without a browser: what stands on them, and what does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import dashboard
from dashboard.client import ADDRESS_VARIABLE
from dashboard.sign_in import Person
from schemas.api import Me
from tests.browser.rig import ANALYST, VIEWER, Stage
from tests.browser.story import STOLEN, VICTIM, VICTIM_APP

APP = Path(dashboard.__file__).with_name("app.py")


@pytest.fixture
def console(watched: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The console for somebody who has not signed in."""
    monkeypatch.setenv(ADDRESS_VARIABLE, watched.api_url)
    yield AppTest.from_file(str(APP), default_timeout=30)
    st.cache_resource.clear()


def signed_in(console: AppTest, token: str = ANALYST, role: str = "analyst") -> AppTest:
    console.session_state["person"] = Person(Me.model_validate({"name": "ines", "role": role}), token)
    return console


def html(console: AppTest) -> str:
    """Everything that is HTML on the page."""
    return "\n".join(element.proto.body for element in console.main if element.type == "html") + "\n".join(
        str(element.proto) for element in console.get("html")
    )


def test_nothing_of_the_store_shows_before_signing_in(console: AppTest) -> None:
    console.run()
    assert not console.exception
    assert VICTIM not in html(console)


def test_the_alerts_page_names_the_theft(console: AppTest) -> None:
    signed_in(console).run()
    assert not console.exception
    assert "Session used from another network and another device" in html(console)


def test_the_session_page_tells_what_happened(console: AppTest) -> None:
    signed_in(console).query_params.update({"app": VICTIM_APP, "id": STOLEN})
    console.switch_page("views/session.py").run()
    assert not console.exception
    assert "What happened" in html(console)
    assert VICTIM in html(console)


def test_an_unknown_session_says_why_and_offers_a_search(console: AppTest) -> None:
    signed_in(console).query_params.update({"app": "bank", "id": "s_never"})
    console.switch_page("views/session.py").run()
    assert not console.exception
    assert "No events of this session are kept" in html(console)


def test_a_viewer_finds_the_decisions_disabled(console: AppTest) -> None:
    signed_in(console, VIEWER, "viewer").run()
    assert console.button(key="act_benign").disabled
    assert console.button(key="act_revoke").disabled


def test_a_token_that_has_ended_leads_to_the_form(console: AppTest) -> None:
    signed_in(console, "ended-token-that-nobody-takes").run()
    assert not console.exception
    assert "person" not in console.session_state


def test_streamlit_finds_no_page_that_it_would_run_past_the_sign_in() -> None:
    assert not APP.with_name("pages").exists()


def an_answer_that_came_to_a_run_begun_anew() -> None:
    from dashboard import sign_in

    sign_in._found()


def test_an_answer_of_the_browser_whose_state_was_forgotten_raises_nothing() -> None:
    # Streamlit forgets it where the answer overtakes the first run of a page: seen on a slow machine.
    page = AppTest.from_function(an_answer_that_came_to_a_run_begun_anew).run()
    assert not page.exception


def test_the_response_page_says_first_whether_anything_waits(console: AppTest) -> None:
    signed_in(console).switch_page("views/response.py").run()
    assert not console.exception
    assert "Nothing waits for you" in html(console)
    assert console.button(key="act_pause").disabled is False


def test_a_viewer_finds_the_kill_switch_disabled(console: AppTest) -> None:
    signed_in(console, VIEWER, "viewer").switch_page("views/response.py").run()
    assert console.button(key="act_pause").disabled
    assert "Nothing waits for an analyst" in html(console)


def test_a_pause_is_shown_with_its_reason(console: AppTest, watched: Stage) -> None:
    with watched.api() as api:
        assert api.post("/v1/response/pause", json={"reason": "an <i>exercise</i>"}).status_code == 200
        try:
            signed_in(console).switch_page("views/response.py").run()
            assert "an &lt;i&gt;exercise&lt;/i&gt;" in html(console)
            assert console.button(key="act_resume")
        finally:
            api.post("/v1/response/resume", json={"reason": "it is over"})


@pytest.mark.parametrize("by", ["session", "user", "network", "app"])
def test_who_is_in_is_listed(console: AppTest, by: str) -> None:
    signed_in(console).query_params.update({"by": by})
    console.switch_page("views/live.py").run()
    assert not console.exception
    assert "live session" in html(console)


def test_what_is_picked_can_be_ended(console: AppTest) -> None:
    signed_in(console).query_params.update({"by": "session", "who": VICTIM})
    console.session_state["who"] = VICTIM
    console.switch_page("views/live.py").run()
    console.session_state["live_who"].picked = (VICTIM_APP, STOLEN)
    console.run()
    assert not console.exception
    assert f"{VICTIM} on {VICTIM_APP}" in html(console)
    assert [console.button(key=f"act_end_{what}").disabled for what in ("session", "user", "network")] == [False] * 3


def test_a_campaign_that_is_not_there_is_explained(console: AppTest) -> None:
    signed_in(console).query_params.update({"id": "00000000-0000-4000-8000-000000000000"})
    console.switch_page("views/campaigns.py").run()
    assert not console.exception
    assert "There is none of this id" in html(console)


def test_campaigns_are_listed(console: AppTest) -> None:
    signed_in(console).switch_page("views/campaigns.py").run()
    assert not console.exception
    assert "belong together" in html(console) or "the last active first" in html(console)


def test_the_alert_panel_tells_the_risk(console: AppTest, watched: Stage) -> None:
    with watched.api() as api:
        [alert] = api.get("/v1/alerts", params={"user": VICTIM, "rule": "session-hijack"}).json()["items"]
    signed_in(console).query_params.update({"alert": alert["alert_id"]})
    console.run()
    assert not console.exception
    assert "Risk now, of 100" in html(console)


def test_what_a_thief_calls_their_browser_is_text_among_live_sessions(console: AppTest, watched: Stage) -> None:
    with watched.api() as api:
        [stolen] = api.get("/v1/sessions", params={"user": "k.bauer", "app": "crm", "live": "true"}).json()["items"]
    assert "<img" in stolen["agent"]
    signed_in(console).query_params.update({"by": "session"})
    console.switch_page("views/live.py").run()
    console.session_state["live_who"].picked = ("crm", stolen["session_id"])
    console.run()
    assert not console.exception
    assert "&lt;img src=x" in html(console)
    assert "<img src=x" not in html(console)
