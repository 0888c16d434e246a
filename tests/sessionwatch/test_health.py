"""Health and metrics over real HTTP."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from sessionwatch.api.app import make_app
from sessionwatch.api.health import Probes
from sessionwatch.api.server import Server
from sessionwatch.errors import ListenError


@dataclass
class Pipeline:
    """What the probes report."""

    trouble: list[str] = field(default_factory=list)
    waits_for: list[str] = field(default_factory=list)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


@pytest.fixture
def client(pipeline: Pipeline) -> Iterator[httpx.Client]:
    app = make_app(
        Probes(lambda: pipeline.trouble, lambda: pipeline.waits_for),
        pipeline.registry,
        "127.0.0.1",
        ["proxy.example"],
    )
    with (
        Server(app, "127.0.0.1", 0) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client,
    ):
        yield client


def test_a_pipeline_that_works_is_alive_and_ready(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"alive": True, "problems": []}
    assert client.get("/readyz").json() == {"ready": True, "problems": []}


def test_one_that_waits_is_alive_and_not_ready(client: httpx.Client, pipeline: Pipeline) -> None:
    pipeline.waits_for.append("the broker does not answer")
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json() == {"ready": False, "problems": ["the broker does not answer"]}
    assert client.get("/healthz").status_code == 200


def test_one_that_has_stopped_is_not_alive(client: httpx.Client, pipeline: Pipeline) -> None:
    pipeline.trouble.append("the batch loop has stopped")
    assert client.get("/healthz").status_code == 503


def test_answers_about_health_are_not_cached(client: httpx.Client) -> None:
    assert client.get("/readyz").headers["cache-control"] == "no-store"


def test_metrics_are_those_of_the_registry(client: httpx.Client, pipeline: Pipeline) -> None:
    Counter("sessionwatch_things", "Things.", registry=pipeline.registry).inc()
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "sessionwatch_things_total 1.0" in answer.text


def test_prometheus_gets_the_format_it_asks_for(client: httpx.Client) -> None:
    answer = client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8400", "[::1]:1", "LOCALHOST:8400", "proxy.example"])
def test_own_names_are_answered(client: httpx.Client, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "[::1", "a@evil.example"])
def test_other_names_are_refused(client: httpx.Client, host: str) -> None:
    assert client.get("/metrics", headers={"host": host}).status_code in (400, 421)


def test_a_page_of_another_origin_is_refused(client: httpx.Client) -> None:
    assert client.get("/metrics", headers={"origin": "https://evil.example"}).status_code == 403
    assert client.get("/metrics", headers={"origin": "null"}).status_code == 403
    assert client.get("/metrics", headers={"origin": "http://localhost:8401"}).status_code == 200


def test_nothing_else_is_served(client: httpx.Client) -> None:
    assert client.get("/").status_code == 404
    assert client.post("/healthz").status_code == 405


def test_on_every_address_a_bare_address_is_answered_and_a_foreign_name_is_not() -> None:
    app = make_app(Probes(list, list), CollectorRegistry(), "0.0.0.0")
    with (
        Server(app, "127.0.0.1", 0) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client,
    ):
        assert client.get("/healthz", headers={"host": "10.1.2.3:8400"}).status_code == 200
        assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 421


def test_a_port_in_use_is_known_before_anything_starts() -> None:
    app = make_app(Probes(list, list), CollectorRegistry(), "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError) as caught:
            Server(app, "127.0.0.1", port)
    assert str(caught.value) == (f"port {port} on 127.0.0.1 is in use: stop what listens there, or change [api] listen")


def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    app = make_app(Probes(list, list), CollectorRegistry(), "192.0.2.1")
    with pytest.raises(ListenError, match=r"^cannot listen on 192\.0\.2\.1:8400: .*: change \[api\] listen$"):
        Server(app, "192.0.2.1", 8400)


def test_a_server_that_was_stopped_answers_no_more() -> None:
    app = make_app(Probes(list, list), CollectorRegistry(), "127.0.0.1")
    with Server(app, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.port}/healthz"
        assert httpx.get(url).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
