from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from response import http
from response.addresses import IPAddress
from response.errors import TargetRefused
from response.http import HttpClient, HttpFailed, check_url
from tests.response.receivers import Receiver, answering, answers, closes_in_the_middle, drips, floods, hangs

Open = Callable[..., HttpClient]


@pytest.fixture
def client() -> Iterator[Open]:
    """Opens clients, and closes them after the test."""
    with ExitStack() as opened:

        def open_client(*, allow_private: bool = True, deadline_s: float = 5.0) -> HttpClient:
            return opened.enter_context(closing(HttpClient(allow_private=allow_private, deadline_s=deadline_s)))

        yield open_client


def post(client: HttpClient, url: str) -> int:
    return client.post(url, {"x-test": "1"}, b"body").status


def test_it_posts_and_returns_the_answer(client: Open) -> None:
    with answering(answers(202, x_seen="yes")) as receiver:
        answer = client().post(receiver.url, {"x-test": "1"}, b"body")
    assert (answer.status, answer.headers["x-seen"]) == (202, "yes")
    assert (receiver.calls[0].headers["x-test"], receiver.calls[0].body) == ("1", b"body")


def test_loopback_is_refused_unless_it_is_allowed(client: Open) -> None:
    with Receiver() as receiver, pytest.raises(HttpFailed, match=r"127\.0\.0\.1 is not public"):
        post(client(allow_private=False), receiver.url)
    assert receiver.calls == []


def test_a_name_that_leads_to_a_private_address_is_refused(client: Open) -> None:
    with Receiver() as receiver, pytest.raises(HttpFailed, match="is not public"):
        post(client(allow_private=False), f"http://localhost:{receiver.port}/")
    assert receiver.calls == []


def test_the_name_stays_in_the_host_header(client: Open) -> None:
    with Receiver() as receiver:
        post(client(), f"http://localhost:{receiver.port}/")
    assert receiver.calls[0].headers["host"] == f"localhost:{receiver.port}"


def test_one_private_address_among_public_ones_is_enough_to_refuse(
    client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def both(host: str, port: int, timeout_s: float) -> list[IPAddress]:
        return [ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address("1.1.1.1")]

    monkeypatch.setattr(http, "resolve", both)
    with pytest.raises(HttpFailed, match=r"10\.0\.0\.1 is not public"):
        post(client(allow_private=False), "https://rebound.example/")


def test_plain_http_leaves_this_machine_never(client: Open) -> None:
    with pytest.raises(HttpFailed, match=r"10\.0\.0\.1 is not loopback: use https"):
        post(client(), "http://10.0.0.1/")


def test_a_redirect_is_an_answer_and_is_not_followed(client: Open) -> None:
    with Receiver() as elsewhere, answering(answers(302, location=elsewhere.url)) as receiver:
        assert post(client(), receiver.url) == 302
    assert elsewhere.calls == []


def test_a_receiver_that_hangs_ends_at_the_deadline(client: Open) -> None:
    with answering(hangs()) as receiver:
        begun = time.monotonic()
        with pytest.raises(HttpFailed, match=r"no whole answer within 0\.2 s"):
            post(client(deadline_s=0.2), receiver.url)
    assert time.monotonic() - begun < 1


def test_a_receiver_that_drips_bytes_ends_at_the_deadline(client: Open) -> None:
    with answering(drips()) as receiver:
        begun = time.monotonic()
        with pytest.raises(HttpFailed, match=r"no whole answer within 0\.2 s"):
            post(client(deadline_s=0.2), receiver.url)
    assert time.monotonic() - begun < 1


def test_an_answer_that_breaks_off_is_a_failure(client: Open) -> None:
    with answering(closes_in_the_middle) as receiver, pytest.raises(HttpFailed, match="the connection failed"):
        post(client(), receiver.url)


def test_a_flood_is_not_read(client: Open) -> None:
    with answering(floods) as receiver, pytest.raises(HttpFailed, match="longer than 65536 bytes"):
        post(client(), receiver.url)


def test_nobody_there_is_one_clear_line(client: Open) -> None:
    with Receiver() as receiver:
        url = receiver.url
    with pytest.raises(HttpFailed, match=r"the connection failed: .*refused"):
        post(client(), url)


def test_the_connection_is_kept_for_the_next_post(client: Open) -> None:
    one = client()
    with Receiver() as receiver:
        post(one, receiver.url)
        post(one, receiver.url)
    assert receiver.calls[0].connection == receiver.calls[1].connection


def test_after_a_failure_it_goes_on(client: Open) -> None:
    one = client()
    with answering(closes_in_the_middle, answers(200)) as receiver:
        with pytest.raises(HttpFailed):
            post(one, receiver.url)
        assert post(one, receiver.url) == 200


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://bank.example/", "must begin with https"),
        ("bank.example", "must begin with https"),
        ("https://", "name a host"),
        ("https://bank.example:port/", "cannot be read"),
        ("https://me:secret@bank.example/", "neither user nor password"),
        ("https://bank.example/a b", "written in ASCII"),
        ("https://bank.example/a\nb", "written in ASCII"),
        ("https://bank.example/ ", "written in ASCII"),
        ("https://bank.example/\x7f", "written in ASCII"),
        ("https://b\u00fccher.example/", "written in ASCII"),
        ("", "written in ASCII"),
    ],
)
def test_a_url_that_can_never_be_used_is_refused_early(url: str, why: str) -> None:
    with pytest.raises(TargetRefused, match=why):
        check_url(url)
