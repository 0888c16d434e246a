"""Every route with every role and with none: what is asked of a new route cannot be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry

from schemas.api import ROLES
from sessionwatch.api.app import make_app, serve
from sessionwatch.api.health import Probes
from sessionwatch.api.permission import Permission
from sessionwatch.api.service import Service
from tests.api.history import CAMPAIGN, SHOP_ALERT, SHOP_REVOCATION, SHOPPING, STOLEN, THEFT
from tests.api.installation import LIMITED, Ask

OPEN = {"/healthz", "/readyz", "/metrics", "/v1/sign-in"}
"""What needs no token: no personal data, and the way in."""

LINKED = {"/act", "/act.js", "/act.css", "/v1/links/use"}
"""What links of chat messages lead to, with tokens of their own: `test_links.py`."""

OTHERS = ("/ssf/", "/.well-known/ssf-configuration")
"""What receivers and identity providers ask, with tokens of their own: `test_ssf.py`."""

LEAST = {
    "GET": "viewer",
    "PATCH /v1/alerts/{alert_id}": "analyst",
    "POST /v1/revocations": "analyst",
    "POST /v1/revocations/preview": "analyst",
    "POST /v1/revocations/{revocation_id}/approve": "analyst",
    "POST /v1/revocations/{revocation_id}/drop": "analyst",
    "POST /v1/revocations/{revocation_id}/release": "analyst",
    "POST /v1/revocations/{revocation_id}/retry": "analyst",
    "POST /v1/response/pause": "analyst",
    "POST /v1/response/resume": "analyst",
    "POST /v1/verdicts": "analyst",
    "POST /v1/verdicts/tokens": "analyst",
    "POST /v1/policy/test": "engineer",
    "GET /v1/outbox": "engineer",
    "GET /v1/streams": "engineer",
    "PUT /v1/streams/{receiver}/status": "engineer",
    "POST /v1/outbox/retry": "engineer",
    "GET /v1/digests/{kind}": "engineer",
    "POST /v1/digests/{kind}/send": "engineer",
    "POST /v1/outbox/drop": "engineer",
    "POST /v1/drills": "engineer",
    "POST /v1/drills/missed": "engineer",
    "GET /v1/dead-letters": "engineer",
    "POST /v1/dead-letters/redrive": "engineer",
    "GET /v1/history": "engineer",
    "POST /v1/reruns": "engineer",
    "POST /v1/sign-out": "viewer",
    "GET /v1/audit": "admin",
    "GET /v1/audit/checkpoints": "admin",
    "GET /v1/audit/verify": "admin",
    "POST /v1/audit/erasures": "admin",
}
"""The least role by route: as the documentation says it, not as the code does."""

VALUES = {
    "alert_id": "99999999-9999-4999-8999-999999999999",
    "revocation_id": "99999999-9999-4999-8999-999999999999",
    "app": "bank",
    "session_id": "s_nobody",
    "realm": "bank",
    "user_id": "nobody",
    "rule_id": "session-hijack",
    "receiver": "nobody",
    "kind": "daily",
    "campaign_id": "99999999-9999-4999-8999-999999999999",
}


def routes() -> Iterator[tuple[str, str]]:
    app = make_app(Probes(list, list), CollectorRegistry(), "127.0.0.1")
    serve(app, cast(Service, None))
    for route in _flat(app.routes):
        for method in sorted(route.methods or ()):
            if method not in ("HEAD", "OPTIONS"):
                yield method, route.path


def _flat(found: Any) -> Iterator[Any]:
    for route in found:
        inner = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None)
        if inner is not None:
            yield from _flat(inner)
        else:
            yield route


ROUTES = sorted(set(routes()))
GUARDED = [route for route in ROUTES if route[1] not in OPEN | LINKED and not route[1].startswith(OTHERS)]


def filled(path: str) -> str:
    for name, value in VALUES.items():
        path = path.replace(f"{{{name}}}", value).replace(f"{{{name}:path}}", value)
    return path


def least(method: str, path: str) -> str:
    return LEAST.get(f"{method} {path}") or LEAST[method]


def test_the_table_holds_the_routes() -> None:
    assert len(GUARDED) >= 25
    assert ("GET", "/v1/alerts") in GUARDED
    assert ("GET", "/v1/openapi.json") in GUARDED


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_without_a_token_nothing_is_told(ask: Ask, method: str, path: str) -> None:
    answer = ask(method, filled(path), who=None)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_role_may_what_the_table_says(ask: Ask, method: str, path: str, role: str) -> None:
    answer = ask(method, filled(path), who=role, json={})
    if ROLES.index(role) < ROLES.index(least(method, path)):
        assert answer.status_code == 403
    else:
        assert answer.status_code not in (401, 403, 405)
        assert answer.status_code < 500


@pytest.mark.parametrize("path", sorted(OPEN - {"/v1/sign-in"}))
def test_health_and_metrics_need_no_token_and_name_nobody(ask: Ask, path: str) -> None:
    answer = ask("GET", path, who=None)
    assert answer.status_code == 200
    for secret in ("alice", STOLEN, "192.0.2."):
        assert secret not in answer.text


@pytest.mark.parametrize("authorization", ["Bearer x", "Basic YTpi", "bearer", "Bearer " + "x" * 5000])
def test_what_is_no_token_is_refused(ask: Ask, authorization: str) -> None:
    assert ask("GET", "/v1/me", who=None, headers={"authorization": authorization}).status_code == 401


def test_every_route_declares_its_role() -> None:
    app = make_app(Probes(list, list), CollectorRegistry(), "127.0.0.1")
    serve(app, cast(Service, None))
    for route in _flat(app.routes):
        if isinstance(route, APIRoute) and route.path not in OPEN | LINKED:
            assert any(isinstance(one.call, Permission) for one in _dependencies(route.dependant)), route.path


def _dependencies(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield one
        yield from _dependencies(one)


@pytest.mark.parametrize("path", ["/v1/alerts?limit=200", "/v1/sessions", "/v1/revocations"])
def test_a_limited_token_sees_only_its_app_in_lists(ask: Ask, path: str) -> None:
    items = ask("GET", path, who=LIMITED).json()["items"]
    assert {item["app"] for item in items} == {"shop"}


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/alerts/{THEFT}",
        f"/v1/sessions/bank/{STOLEN}",
        f"/v1/sessions/bank/{STOLEN}/events",
        f"/v1/sessions/bank/{STOLEN}/picture",
        "/v1/revocations/44444444-4444-4444-8444-444444444444",
        "/v1/users/bank/bob",
        f"/v1/campaigns/{CAMPAIGN}",
    ],
)
def test_what_a_limited_token_may_not_see_does_not_exist(ask: Ask, path: str) -> None:
    assert ask("GET", path, who="viewer").status_code == 200
    assert ask("GET", path, who=LIMITED).status_code == 404


@pytest.mark.parametrize(
    "path",
    [f"/v1/alerts/{SHOP_ALERT}", f"/v1/sessions/shop/{SHOPPING}", f"/v1/revocations/{SHOP_REVOCATION}"],
)
def test_what_it_may_see_does(ask: Ask, path: str) -> None:
    assert ask("GET", path, who=LIMITED).status_code == 200


def test_asking_for_another_app_by_name_gives_nothing(ask: Ask) -> None:
    assert ask("GET", "/v1/alerts?app=bank", who=LIMITED).json()["items"] == []


def test_a_limited_token_acts_on_nothing_of_others(ask: Ask) -> None:
    assert ask("PATCH", f"/v1/alerts/{THEFT}", who=LIMITED, json={"assign": "take"}).status_code == 404
    body = {"app": "bank", "subject": STOLEN, "reason": "because"}
    assert ask("POST", "/v1/revocations", who=LIMITED, json=body).status_code == 404
    assert ask("POST", "/v1/revocations/preview", who=LIMITED, json=body | {"reason": None}).status_code in (404, 422)


def test_what_is_counted_over_all_apps_is_not_told_to_a_limited_token(ask: Ask) -> None:
    system = ask("GET", "/v1/system", who=LIMITED).json()
    assert (system["apps"], system["dead_letters"], system["outbox"], system["rows"]) == (["shop"], None, None, {})
    assert ask("GET", "/v1/dead-letters", who=LIMITED).status_code == 403


def test_a_user_of_a_realm_is_shown_by_the_visible_apps_alone(ask: Ask) -> None:
    assert ask("GET", "/v1/users/bank/alice", who="viewer").json()["apps"] == ["bank", "shop"]
    assert ask("GET", "/v1/users/bank/alice", who=LIMITED).json()["apps"] == ["shop"]
