"""The response as a whole: why, whether at all, what has not left, and what users say."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from response.commands import RaiseNotice
from schemas.alert import Alert, Severity
from tests.api.history import OLD_THEFT, SHOP_ALERT, THEFT
from tests.api.installation import LIMITED, Ask, Installation, emit_use
from tests.response.receivers import answers

WHY = {"reason": "an exercise"}


def test_an_alert_is_explained(ask: Ask) -> None:
    found = ask("GET", f"/v1/alerts/{OLD_THEFT}/policy", who="viewer").json()
    assert (found["line"], found["why"], found["actions"]) == (None, "default", ["notify"])
    assert "left to a person: the user is protected" in found["guard"][0]


def test_what_is_not_to_be_seen_is_not_explained(ask: Ask) -> None:
    assert ask("GET", f"/v1/alerts/{THEFT}/policy", who=LIMITED).status_code == 404


@pytest.fixture
def paused(ask: Ask) -> Iterator[dict[str, object]]:
    yield ask("POST", "/v1/response/pause", who="analyst", json=WHY).json()
    ask("POST", "/v1/response/resume", json=WHY)


def test_the_response_is_paused_and_says_by_whom(ask: Ask, paused: dict[str, object]) -> None:
    assert paused["paused"]["by"] == "analyst-person"  # type: ignore[index]
    for path in ("/v1/response", "/v1/system"):
        shown = ask("GET", path, who="viewer").json()["paused"]
        assert (shown["by"], shown["reason"]) == ("analyst-person", "an exercise"), path


def test_what_is_paused_is_not_paused_again(ask: Ask, paused: dict[str, object]) -> None:
    answer = ask("POST", "/v1/response/pause", json=WHY)
    assert answer.status_code == 409
    assert "it is paused already, by analyst-person" in answer.json()["detail"]


def test_a_pause_wants_a_reason(ask: Ask) -> None:
    assert ask("POST", "/v1/response/pause", json={}).status_code == 422


def test_a_token_that_is_limited_to_apps_pauses_nothing(ask: Ask) -> None:
    assert ask("POST", "/v1/response/pause", who=LIMITED, json=WHY).status_code == 403


def test_the_outbox_is_listed_without_what_it_says(ask: Ask) -> None:
    rows = ask("GET", "/v1/outbox?state=delivered&lane=webhook:shop", who="engineer").json()["items"]
    assert [row["message_id"] for row in rows] == ["m-shop"]
    assert "payload" not in rows[0]


def test_the_outbox_comes_in_pages(ask: Ask, parked: Parked) -> None:
    first = ask("GET", "/v1/outbox?limit=1").json()
    second = ask("GET", f"/v1/outbox?limit=1&cursor={first['next']}").json()
    assert first["items"][0]["message_id"] != second["items"][0]["message_id"]


@dataclass
class Parked:
    """A message that its receiver has refused, and the revocation that it carries."""

    revocation: str
    message: str


@pytest.fixture
def parked(installation: Installation, ask: Ask) -> Parked:
    session = emit_use(installation, f"s_k1_{uuid.uuid4().hex}")
    installation.receiver.behaviours = [answers(422), answers(204)]
    made = ask("POST", "/v1/revocations", json={"app": "bank", "subject": session, **WHY}).json()["revocation_id"]
    row = _revocation(ask, made, "failed")
    return Parked(made, row["deliveries"][0]["message_id"])


def _revocation(ask: Ask, revocation_id: str, state: str) -> dict:  # type: ignore[type-arg]
    for _ in range(2_000):
        row = ask("GET", f"/v1/revocations/{revocation_id}").json()
        if row["state"] == state:
            return row  # type: ignore[no-any-return]
    raise AssertionError(f"it is {row['state']}, expected {state}")


def test_a_parked_message_is_tried_anew(ask: Ask, parked: Parked) -> None:
    body = {"lane": "webhook:bank", "message_id": parked.message, **WHY}
    assert ask("POST", "/v1/outbox/retry", who="engineer", json=body).json() == {"lane": "webhook:bank", "messages": 1}
    _revocation(ask, parked.revocation, "delivered")


def test_a_parked_message_is_given_up(ask: Ask, parked: Parked) -> None:
    body = {"lane": "webhook:bank", "message_id": parked.message, **WHY}
    assert ask("POST", "/v1/outbox/drop", json=body).json()["messages"] == 1
    assert ask("POST", "/v1/outbox/drop", json=body).status_code == 409


def test_a_policy_is_tried_on_the_past_and_changes_nothing(ask: Ask) -> None:
    before = len(ask("GET", "/v1/revocations?limit=200").json()["items"])
    policy = {"policy": [{"match": {"severity": ["critical"]}, "do": ["notify", "revoke_session"]}], "max_per_hour": 50}
    asked = {"response": policy, "since": "2020-01-01T00:00:00Z"}
    found = ask("POST", "/v1/policy/test", who="engineer", json=asked).json()
    [act] = [act for act in found["acts"] if act["alert_id"] == THEFT]
    assert (act["line"], act["act"], act["outcome"]) == (1, "revoke_session", "done")
    assert sum(day["done"].get("revoke_session", 0) for day in found["days"]) >= 1
    assert len(ask("GET", "/v1/revocations?limit=200").json()["items"]) == before


def test_the_guard_is_asked_in_the_trial(ask: Ask) -> None:
    policy = {"policy": [{"do": ["revoke_session"]}], "protected_users": ["alice"]}
    found = ask("POST", "/v1/policy/test", json={"response": policy, "since": "2020-01-01T00:00:00Z"}).json()
    [act] = [act for act in found["acts"] if act["alert_id"] == THEFT]
    assert (act["outcome"], act["why"]) == ("held", "the user is protected")


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"policy": [{"do": ["revoke"]}]}, "response.policy[0].do[0]: expected one of"),
        ({"policy": [{"match": {"app": ["bnk"]}, "do": ["notify"]}]}, 'no app is named "bnk"'),
        ({"targets": []}, "with the targets in force"),
    ],
)
def test_a_policy_that_is_none_is_refused_with_the_place(ask: Ask, table: dict[str, object], why: str) -> None:
    answer = ask("POST", "/v1/policy/test", json={"response": table, "since": "2026-01-01T00:00:00Z"})
    assert answer.status_code == 422
    assert why in answer.json()["detail"]


@dataclass
class Judged:
    """An alert about a user, the session that it judges, and another one of theirs."""

    alert_id: str
    user_id: str
    session: str
    other: str


@pytest.fixture
def judged(installation: Installation) -> Judged:
    user = f"user-{uuid.uuid4().hex[:12]}"
    session, other = (emit_use(installation, f"s_k1_{uuid.uuid4().hex}", user) for _ in range(2))
    now_us = installation.now_us
    alert = Alert(
        str(uuid.uuid4()), "session-hijack", 1, Severity.LOW, "alert", "bank", "session", session, now_us, now_us,
        now_us, "used from elsewhere", user_id=user, session_id=session,
    )  # fmt: skip
    installation.running.inbox.submit(RaiseNotice(alert, "tests")).result(10)
    return Judged(alert.alert_id, user, session, other)


def _token(ask: Ask, judged: Judged) -> str:
    made = ask("POST", "/v1/verdicts/tokens", who="analyst", json={"alert_id": judged.alert_id})
    assert made.status_code == 201
    return str(made.json()["token"])


def _say(ask: Ask, token: str, verdict: str, session: str | None) -> tuple[int, dict]:  # type: ignore[type-arg]
    body = {"token": token, "verdict": verdict, "session_id": session}
    answer = ask("POST", "/v1/verdicts", who="analyst", json=body)
    return answer.status_code, answer.json()


def test_no_ends_all_sessions_of_the_user_and_opens_an_incident(ask: Ask, judged: Judged) -> None:
    status, taken = _say(ask, _token(ask, judged), "no", judged.other)
    assert (status, taken["revocation"]["scope"]) == (200, "user")
    incident = ask("GET", f"/v1/alerts/{taken['incident']}").json()
    assert (incident["rule_id"], incident["severity"], incident["user_id"]) == (
        "user-verdict", "critical", judged.user_id,
    )  # fmt: skip


def test_yes_is_a_label_in_the_alerts_history(ask: Ask, judged: Judged) -> None:
    assert _say(ask, _token(ask, judged), "yes", None)[0] == 200
    history = ask("GET", f"/v1/alerts/{judged.alert_id}").json()["history"]
    assert ("user verdict", "yes, it was me") in [(act["act"], act["why"]) for act in history]


def test_a_token_counts_once(ask: Ask, judged: Judged) -> None:
    token = _token(ask, judged)
    _say(ask, token, "yes", judged.other)
    status, problem = _say(ask, token, "no", judged.other)
    assert (status, problem["detail"]) == (409, "this token was used before")


def test_the_judged_session_may_not_answer(ask: Ask, judged: Judged) -> None:
    token = _token(ask, judged)
    status, problem = _say(ask, token, "yes", judged.session)
    assert (status, problem["detail"]) == (409, "the answer came from the session that is judged")
    assert _say(ask, token, "no", judged.other)[0] == 200, "the refusal has not used it up"


def test_a_forged_token_is_refused(ask: Ask) -> None:
    status, problem = _say(ask, "swv1.e30.AAAA", "no", None)
    assert (status, problem["detail"]) == (422, "the token's signature does not fit")


def test_the_session_that_answers_has_to_be_said(ask: Ask, judged: Judged) -> None:
    body = {"token": _token(ask, judged), "verdict": "yes"}
    assert ask("POST", "/v1/verdicts", who="analyst", json=body).status_code == 422


def test_another_apps_token_makes_and_takes_no_verdict(ask: Ask, judged: Judged) -> None:
    made = ask("POST", "/v1/verdicts/tokens", who=LIMITED, json={"alert_id": judged.alert_id})
    assert made.status_code == 404
    body = {"token": _token(ask, judged), "verdict": "no", "session_id": None}
    assert ask("POST", "/v1/verdicts", who=LIMITED, json=body).status_code == 404


def test_a_token_of_the_app_makes_its_own(ask: Ask) -> None:
    made = ask("POST", "/v1/verdicts/tokens", who=LIMITED, json={"alert_id": SHOP_ALERT})
    assert made.json()["user_id"] == "alice"


def test_the_key_is_its_owners_alone(installation: Installation) -> None:
    key = installation.folder / "data" / "verdict.key"
    assert key.stat().st_mode & 0o777 == 0o600
