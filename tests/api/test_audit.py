"""The audit log over HTTP: read, checked, and made to forget a name."""

from __future__ import annotations

import base64
import uuid

import httpx

from tests.api.installation import Ask, Installation, wait

ALERT = str(uuid.UUID(int=29))
"""One that no other test looks at."""


def lines(ask: Ask, **parameters: object) -> list[dict[str, object]]:
    """Lines of the log, the oldest first."""
    answer = ask("GET", "/v1/audit", params={"limit": 5_000, **parameters})
    assert answer.status_code == 200
    return answer.json()["items"]  # type: ignore[no-any-return]


def acts_of(ask: Ask, who: str) -> list[str]:
    """What somebody has done, in order."""
    return [str(line["act"]) for line in lines(ask) if line["actor_name"] == who]


def test_the_start_and_the_configuration_are_lines(ask: Ask) -> None:
    wait(lambda: {"pipeline started", "configuration noted"} <= {str(line["act"]) for line in lines(ask)})


def test_the_log_is_whole(ask: Ask) -> None:
    wait(lambda: ask("GET", "/v1/audit/verify").json()["signed"] >= 1)
    found = ask("GET", "/v1/audit/verify").json()
    assert (found["whole"], found["trouble"]) == (True, None)
    assert found["first"] == 1


def test_a_page_goes_on_where_the_one_before_ended(ask: Ask) -> None:
    first = ask("GET", "/v1/audit", params={"limit": 1}).json()
    second = ask("GET", "/v1/audit", params={"limit": 1, "cursor": first["next"]}).json()
    assert [page["items"][0]["line"] for page in (first, second)] == [1, 2]
    assert second["items"][0]["before"] == first["items"][0]["hash"]


def test_a_cursor_of_another_list_is_refused(ask: Ask) -> None:
    for place in ("[-1]", "[99999999999999999999]", '["x"]', "{}"):
        cursor = base64.urlsafe_b64encode(place.encode()).decode()
        assert ask("GET", "/v1/audit", params={"cursor": cursor}).status_code == 422


def test_a_head_of_the_log_is_found_again(ask: Ask) -> None:
    head = ask("GET", "/v1/audit/verify").json()["head"]
    assert ask("GET", "/v1/audit/verify", params={"head": head}).json()["whole"]


def test_a_head_that_never_was_is_named(ask: Ask) -> None:
    found = ask("GET", "/v1/audit/verify", params={"head": f"1:{'0' * 64}"}).json()
    assert not found["whole"]
    assert found["trouble"]["line"] == 1


def test_what_is_no_head_or_key_is_refused(ask: Ask) -> None:
    for parameters in ({"head": "x"}, {"key": "x"}):
        answer = ask("GET", "/v1/audit/verify", params=parameters)
        assert answer.status_code == 422
        assert "expected" in answer.json()["detail"]


def test_another_key_is_refused_by_name(ask: Ask) -> None:
    wait(lambda: bool(ask("GET", "/v1/audit/checkpoints").json()["items"]))
    found = ask("GET", "/v1/audit/verify", params={"key": "A" * 43}).json()
    assert "is signed by another key" in found["trouble"]["what"]


def test_a_token_s_first_use_is_a_line(ask: Ask) -> None:
    ask("GET", "/v1/me", who="viewer")
    wait(lambda: acts_of(ask, "viewer-person").count("token used") == 1)
    ask("GET", "/v1/me", who="viewer")
    assert acts_of(ask, "viewer-person").count("token used") == 1


def test_a_sign_in_and_a_sign_out_are_lines(ask: Ask, installation: Installation) -> None:
    code = installation.running.sign_in_code("sylvia", "viewer")
    token = ask("POST", "/v1/sign-in", who=None, json={"code": code}).json()["token"]
    ask("POST", "/v1/sign-out", who=None, headers={"authorization": f"Bearer {token}"})
    wait(lambda: {"signed in", "signed out"} <= set(acts_of(ask, "sylvia")))


def test_who_is_turned_away_is_a_line(ask: Ask) -> None:
    ask("POST", "/v1/response/pause", who="viewer", json={"reason": "because"})
    wait(lambda: "access denied" in acts_of(ask, "viewer-person"))


def test_many_wrong_tokens_are_few_lines(ask: Ask, installation: Installation) -> None:
    before = acts_of(ask, "127.0.0.1").count("access denied")
    with httpx.Client(base_url=installation.url, headers={"authorization": "Bearer sw_wrong"}) as client:
        for _ in range(200):
            assert client.get("/v1/me").status_code in (401, 429)
    wait(lambda: "access denied" in acts_of(ask, "127.0.0.1"))
    assert acts_of(ask, "127.0.0.1").count("access denied") <= before + 2


def test_a_name_is_erased_and_the_log_stays_whole(ask: Ask, installation: Installation) -> None:
    code = installation.running.sign_in_code("ulrike", "analyst")
    token = ask("POST", "/v1/sign-in", who=None, json={"code": code}).json()["token"]
    note = {"note": "ulrike looks into it"}
    ask("PATCH", f"/v1/alerts/{ALERT}", who=None, json=note, headers={"authorization": f"Bearer {token}"})
    erased = ask("POST", "/v1/audit/erasures", json={"name": "ulrike", "reason": "she has left"}).json()
    assert len(erased["lines"]) == 1
    assert "ulrike" not in str(lines(ask))
    assert erased["pseudonym"] in {line["actor"] for line in lines(ask)}
    assert ask("GET", "/v1/audit/verify").json()["whole"]
