"""Links of chat messages over HTTP: looking at one changes nothing, and acting wants a person, once."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import cast

import anyio
import httpx
import pytest
from prometheus_client import CollectorRegistry

from response.act_links import LIFE_US, LinkKey
from response.clock import now_us
from response.commands import RaiseNotice
from schemas.alert import Alert, Severity
from schemas.instant import SECOND
from schemas.link import LinkAct
from sessionwatch.api.app import make_app, serve
from sessionwatch.api.health import Probes
from sessionwatch.api.service import Service
from sessionwatch.link_key import make_link_key
from tests.api.installation import LIMITED, Ask, Installation, emit_use, wait

NOTE = "confirmed by phone"


@pytest.fixture
def key(installation: Installation) -> LinkKey:
    made = make_link_key(installation.settings)
    assert made is not None
    return made


def raise_alert(installation: Installation, app: str = "forum", session_id: str = "s_linked") -> str:
    """An alert of its own for a test, in an app that no other looks at."""
    at_us, alert_id = now_us(), str(uuid.uuid4())
    raised = Alert(
        alert_id=alert_id, rule_id="session-hijack", rule_version=1, severity=Severity.HIGH, mode="alert", app=app,
        key_kind="session", key_value=session_id, event_time_us=at_us, first_event_time_us=at_us,
        last_event_time_us=at_us, summary="another device", user_id="nora", session_id=session_id,
    )  # fmt: skip
    assert installation.running.inbox.submit(RaiseNotice(raised, "tests"), 5).result(10) == ""
    return alert_id


def token(key: LinkKey, act: LinkAct, alert_id: str, ago_us: int = 0) -> str:
    return key.links(str(uuid.uuid4()), [act], alert_id, now_us() - ago_us)[act].partition("#")[2]


def status(ask: Ask, alert_id: str) -> tuple[str, str | None]:
    told = ask("GET", f"/v1/alerts/{alert_id}").json()
    return told["status"], told["owner"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/act", "/act.js", "/act.css"])
def test_whoever_looks_changes_nothing_and_is_told_nothing(ask: Ask, method: str, path: str) -> None:
    answer = ask(method, path, who=None)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


def test_the_page_has_no_script_and_no_style_of_its_own_and_nothing_from_elsewhere(ask: Ask) -> None:
    page = ask("GET", "/act", who=None).text
    assert "http" not in page
    assert "style=" not in page
    assert page.count("<script") == page.count('<script src="act.js"></script>') == 1


def test_it_says_what_needs_no_sign_in(ask: Ask) -> None:
    assert '<body data-without-sign-in="acknowledge">' in ask("GET", "/act", who=None).text


def test_what_needs_no_sign_in_is_done_by_post_alone(installation: Installation, ask: Ask, key: LinkKey) -> None:
    alert_id = raise_alert(installation)
    link = token(key, "acknowledge", alert_id)
    for method in ("GET", "HEAD"):
        assert ask(method, "/v1/links/use", who=None, params={"token": link}).status_code == 405
    assert status(ask, alert_id) == ("new", None)
    answer = ask("POST", "/v1/links/use", who=None, json={"token": link})
    assert answer.json() == {
        "act": "acknowledge", "alert_id": alert_id, "by": None, "done": "The alert is acknowledged.",
        "revocation_id": None,
    }  # fmt: skip
    assert status(ask, alert_id) == ("acknowledged", None)


@pytest.mark.parametrize("act", ["take", "false_alarm", "benign", "revoke_session"])
def test_the_rest_wants_a_person(installation: Installation, ask: Ask, key: LinkKey, act: LinkAct) -> None:
    alert_id = raise_alert(installation)
    asked = {"token": token(key, act, alert_id), "reason": NOTE}
    assert ask("POST", "/v1/links/use", who=None, json=asked).status_code == 401
    assert ask("POST", "/v1/links/use", who="viewer", json=asked).status_code == 403
    assert ask("POST", "/v1/links/use", who=LIMITED, json=asked).status_code == 404
    assert status(ask, alert_id) == ("new", None)


def test_a_person_acts_under_their_name_and_once(installation: Installation, ask: Ask, key: LinkKey) -> None:
    alert_id = raise_alert(installation)
    asked = {"token": token(key, "take", alert_id)}
    assert ask("POST", "/v1/links/use", who="analyst", json=asked).json()["by"] == "analyst-person"
    assert status(ask, alert_id) == ("acknowledged", "analyst-person")
    again = ask("POST", "/v1/links/use", who="analyst", json=asked)
    assert (again.status_code, again.json()["detail"]) == (409, "the link was used before: each works once")
    [line] = [one for one in ask("GET", f"/v1/alerts/{alert_id}").json()["history"] if one["act"] == "alert triaged"]
    assert line["why"] == "taken, by link, signed in as analyst-person"


def test_a_session_is_ended_with_a_reason(installation: Installation, ask: Ask, key: LinkKey) -> None:
    session = emit_use(installation, "s_ended_by_link")
    alert_id = raise_alert(installation, "bank", session)
    asked = {"token": token(key, "revoke_session", alert_id)}
    refused = ask("POST", "/v1/links/use", who="analyst", json=asked)
    assert (refused.status_code, refused.json()["detail"]) == (422, "reason: say why the session is to be ended")
    done = ask("POST", "/v1/links/use", who="analyst", json={**asked, "reason": NOTE}).json()
    made = ask("GET", f"/v1/revocations/{done['revocation_id']}").json()
    assert (made["session_id"], made["requested_by"], made["reason"]) == (
        session,
        "analyst-person",
        f"{NOTE} (by link)",
    )
    wait(lambda: any(session.encode() in call.body for call in installation.receiver.calls))


def test_a_link_whose_time_is_over_does_nothing(installation: Installation, ask: Ask, key: LinkKey) -> None:
    alert_id = raise_alert(installation)
    asked = {"token": token(key, "acknowledge", alert_id, LIFE_US + SECOND)}
    assert "30 minutes are over" in ask("POST", "/v1/links/use", who=None, json=asked).json()["detail"]
    assert status(ask, alert_id) == ("new", None)


def test_a_link_of_another_key_does_nothing_and_is_not_repeated(installation: Installation, ask: Ask) -> None:
    alert_id = raise_alert(installation)
    forged = token(LinkKey(b"x" * 32, "https://elsewhere.example"), "acknowledge", alert_id)
    answer = ask("POST", "/v1/links/use", who="admin", json={"token": forged})
    # It counts as a guess, of which other tests make many from the same address.
    assert answer.status_code in (422, 429)
    assert forged not in answer.text
    assert status(ask, alert_id) == ("new", None)


def test_a_form_of_another_page_is_refused(installation: Installation, ask: Ask, key: LinkKey) -> None:
    alert_id = raise_alert(installation)
    text = '{"token":"' + token(key, "acknowledge", alert_id) + '"}'
    answer = ask("POST", "/v1/links/use", who=None, content=text, headers={"content-type": "text/plain"})
    assert answer.status_code == 422
    assert status(ask, alert_id) == ("new", None)


@pytest.mark.parametrize(("method", "path"), [("GET", "/act"), ("GET", "/act.js"), ("POST", "/v1/links/use")])
def test_where_messages_have_no_links_there_is_nothing(method: str, path: str) -> None:
    app = make_app(Probes(list, list), CollectorRegistry(), "127.0.0.1")
    serve(app, cast(Service, SimpleNamespace(links=None)))

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, json={"token": "swl1"})

    assert anyio.run(asked).status_code == 404
