"""Syslog: what arrives is RFC 5424, by datagrams, by counted octets and by TLS."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from response.siem.documents import Format
from response.siem.syslog import MAX_FRAME_BYTES, Syslog, Transport
from response.tls import TlsFiles
from schemas.alert import Severity
from schemas.instant import parse_rfc3339
from tests.counterparts import met
from tests.response.certificates import OPENSSL, Authority
from tests.response.given import eventually
from tests.response.siem.given import message
from tests.response.siem.published_schemas import ecs_problems, ocsf_problems
from tests.response.siem.syslog_receivers import RFC5424, Rsyslog, StreamReceiver, UdpReceiver

needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_a_message_keeps_to_the_grammar_and_carries_the_document() -> None:
    sent = message(form="ecs")
    found = RFC5424.fullmatch(Syslog("localhost", 514, "ecs", transport="udp", hostname="watch 1\n").frame(sent))
    assert found is not None
    priority, moment, host, app, _, kind, data, text = found.groups()
    assert (priority, host, app, kind, data) == (b"82", b"watch1", b"sessionwatch", b"ecs", b"-")
    assert parse_rfc3339(moment.decode()) == sent.created_us
    assert ecs_problems(json.loads(text)) == []


@pytest.mark.parametrize("form", ["ocsf", "ecs"])
@pytest.mark.parametrize(
    ("severity", "code"),
    [(Severity.INFO, 6), (Severity.LOW, 5), (Severity.MEDIUM, 4), (Severity.HIGH, 3), (Severity.CRITICAL, 2)],
)
def test_severity_and_facility_make_the_priority(form: Format, severity: Severity, code: int) -> None:
    way = Syslog("localhost", 514, form, transport="udp", facility="local3")
    assert way.frame(message(form=form, severity=severity)).startswith(b"<%d>1 " % (19 * 8 + code))


def test_a_datagram_holds_one_message() -> None:
    with UdpReceiver() as receiver, closing(Syslog("127.0.0.1", receiver.port, "ocsf", transport="udp")) as way:
        assert [one.kind for one in way.deliver([message(1), message(2)])] == ["ok", "ok"]
        found = RFC5424.fullmatch(receiver.take())
        assert found is not None
        assert ocsf_problems(json.loads(found[8])) == []
        assert len(receiver.take()) < MAX_FRAME_BYTES


def test_a_datagram_that_nobody_takes_is_noticed_by_the_next() -> None:
    with UdpReceiver() as gone:
        port = gone.port
    with closing(Syslog("127.0.0.1", port, "ocsf", transport="udp")) as way:
        way.deliver([message(1)])
        eventually(lambda: way.deliver([message(2)])[0].kind == "retry")


def test_a_stream_holds_messages_behind_their_length() -> None:
    with StreamReceiver() as receiver, closing(Syslog("127.0.0.1", receiver.port, "ocsf", transport="tcp")) as way:
        sent = [message(number) for number in range(20)]
        assert {one.kind for one in way.deliver(sent)} == {"ok"}
        eventually(lambda: len(receiver.frames) == 20)
        assert receiver.frames == [way.frame(one) for one in sent]
        assert len(receiver.connections) == 1


def test_a_closed_connection_is_opened_again_before_anything_is_lost() -> None:
    with StreamReceiver() as receiver, closing(Syslog("127.0.0.1", receiver.port, "ocsf", transport="tcp")) as way:
        way.deliver([message(1)])
        eventually(lambda: len(receiver.frames) == 1)
        receiver.hang_up()
        assert way.deliver([message(2)])[0].kind == "ok"
        eventually(lambda: len(receiver.frames) == 2)


def test_what_does_not_arrive_is_tried_again_in_its_order() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    with closing(Syslog("127.0.0.1", port, "ocsf", transport="tcp")) as way:
        outcomes = way.deliver([message(1), message(2)])
        assert [one.kind for one in outcomes] == ["retry", "retry"]
        assert outcomes[0].detail == "the syslog receiver cannot be reached: Connection refused"


def test_a_receiver_that_reads_nothing_is_given_up_by_a_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        way = Syslog("127.0.0.1", int(deaf.getsockname()[1]), "ocsf", transport="tcp", deadline_s=0.2)
        with closing(way):
            outcomes = way.deliver([message(number) for number in range(5_000)])
    assert outcomes[-1].kind == "retry"
    assert outcomes[-1].detail == "the syslog receiver does not take it in time"


@needs_openssl
def test_tls_with_a_certificate_of_the_client(authority: Authority) -> None:
    server, client = authority.signs("localhost"), authority.signs("watch")
    context = authority.serves(server, asks_for_a_certificate=True)
    files = TlsFiles(authority.own.certificate, client.certificate, client.key)
    with StreamReceiver(context) as receiver, closing(Syslog("localhost", receiver.port, "ocsf", tls=files)) as way:
        assert way.deliver([message()])[0].kind == "ok"
        eventually(lambda: receiver.frames)
        assert (("commonName", "watch"),) in receiver.clients[0]["subject"]  # type: ignore[index]


@needs_openssl
def test_without_the_certificate_that_is_asked_for_nothing_counts_as_delivered(authority: Authority) -> None:
    context = authority.serves(authority.signs("localhost"), asks_for_a_certificate=True)
    files = TlsFiles(authority.own.certificate)
    with StreamReceiver(context) as receiver, closing(Syslog("localhost", receiver.port, "ocsf", tls=files)) as way:
        assert way.deliver([message()])[0].kind == "retry"
        assert receiver.frames == []


@needs_openssl
@pytest.mark.parametrize("trusted", [False, True])
def test_a_server_that_is_not_trusted_or_of_another_name_gets_nothing(authority: Authority, trusted: bool) -> None:
    context = authority.serves(authority.signs("elsewhere"))
    files = TlsFiles(authority.own.certificate) if trusted else TlsFiles()
    with StreamReceiver(context) as receiver, closing(Syslog("localhost", receiver.port, "ocsf", tls=files)) as way:
        (outcome,) = way.deliver([message()])
        assert outcome.kind == "retry"
        assert "certificate" in outcome.detail.lower()
        assert receiver.frames == []


@needs_openssl
def test_a_replaced_certificate_is_used_without_a_restart(authority: Authority, tmp_path: Path) -> None:
    first, second = authority.signs("first"), authority.signs("second")
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    shutil.copy(first.certificate, certificate)
    shutil.copy(first.key, key)
    context = authority.serves(authority.signs("localhost"), asks_for_a_certificate=True)
    files = TlsFiles(authority.own.certificate, certificate, key)
    with StreamReceiver(context) as receiver, closing(Syslog("localhost", receiver.port, "ocsf", tls=files)) as way:
        way.deliver([message(1)])
        shutil.copy(second.certificate, certificate)
        shutil.copy(second.key, key)
        way.deliver([message(2)])
        eventually(lambda: len(receiver.frames) == 2)
        names = [client["subject"] for client in receiver.clients]  # type: ignore[index]
        assert names == [((("commonName", "first"),),), ((("commonName", "second"),),)]


@pytest.fixture(scope="module")
def rsyslog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rsyslog, Authority]]:
    """Real rsyslog, and who has signed its certificate."""
    if OPENSSL is None or Rsyslog.missing():
        pytest.skip(Rsyslog.missing() or "openssl is not installed")
    folder = tmp_path_factory.mktemp("rsyslog")
    authority = Authority(folder)
    server = authority.signs("localhost")
    met("rsyslog", Rsyslog.version())
    with Rsyslog(folder, server.certificate, server.key) as running:
        yield running, authority


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_rsyslog_takes_it_whole(rsyslog: tuple[Rsyslog, Authority], transport: Transport) -> None:
    running, authority = rsyslog
    host, port = ("localhost" if transport == "tls" else "127.0.0.1"), getattr(running, transport)
    files = TlsFiles(authority.own.certificate)
    before = len(running.lines())
    with closing(Syslog(host, port, "ocsf", transport=transport, tls=files)) as way:
        sent = [message(number) for number in range(10)]
        assert {one.kind for one in way.deliver(sent)} == {"ok"}
        eventually(lambda: len(running.lines()) == before + 10, 10)
    for line, one in zip(running.lines()[before:], sent, strict=True):
        facility, severity, app, kind, text = line.split(" ", 4)
        assert (facility, severity, app, kind) == ("authpriv", "crit", "sessionwatch", "ocsf")
        assert json.loads(text) == json.loads(one.payload)
