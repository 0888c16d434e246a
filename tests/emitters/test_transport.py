from __future__ import annotations

import uuid

import pytest
from sessionwatch_emitter import EmitterError, SessionEmitter, Transport, TransportError
from sessionwatch_emitter.transport import _host_and_port

from ingest.topics import ensure_topic

from .conftest import free_port, read


@pytest.fixture
def transport(kafka: str):
    topic = f"events-{uuid.uuid4()}"
    ensure_topic({"bootstrap_servers": kafka}, topic)
    made = Transport(kafka, topic)
    yield made
    made.close()


def test_send_all_returns_when_every_record_is_there(transport: Transport, kafka: str) -> None:
    records = [(b"key", b'{"type":"validate","n":%d}' % number, [("h", b"v")]) for number in range(200)]
    assert transport.send_all(records) == 200
    arrived = read(kafka, transport._topic, 200)
    assert {record.value for record in arrived} == {value for _, value, _ in records}


def test_send_all_keeps_key_and_headers(transport: Transport, kafka: str) -> None:
    transport.send_all([(None, b'{"type":"x"}', [("sw-signature", b"v1,k1,AA==")])])
    (record,) = read(kafka, transport._topic, 1)
    assert (record.key, record.headers) == (None, {"sw-signature": b"v1,k1,AA=="})


def test_send_all_tells_how_far_it_is(transport: Transport) -> None:
    told: list[int] = []
    transport.send_all(((None, b"{}", []) for _ in range(3)), told.append)
    assert told[-1] == 3
    assert told == sorted(told)


def test_a_record_that_is_too_large_is_one_line(transport: Transport) -> None:
    with pytest.raises(TransportError, match=r"^Kafka did not take a record: TooLargeError: .*$"):
        transport.send_all([(None, b"x" * 2_000_000, [])])


@pytest.mark.apache
def test_after_a_refusal_by_the_broker_it_goes_on(apache) -> None:
    address, topic = apache.bootstrap_servers, f"events-{uuid.uuid4()}"
    ensure_topic({"bootstrap_servers": address}, topic)
    transport = Transport(address, topic, max_request_size=5_000_000)
    with pytest.raises(TransportError, match="MessageSizeTooLargeError"):
        transport.send_all([(None, b"x" * 2_000_000, [])])
    assert transport.send_all([(None, b"{}", [])]) == 1
    transport.close()


def test_a_broker_that_is_not_there_is_one_line() -> None:
    transport = Transport(f"127.0.0.1:{free_port()}", "t", bootstrap_timeout_ms=300)
    with pytest.raises(TransportError, match=r"^cannot reach Kafka at 127\.0\.0\.1:\d+: .*check that a broker.*$"):
        transport.send_all([(None, b"{}", [])])


def test_a_setting_that_kafka_does_not_know_is_one_line(broker: str) -> None:
    with pytest.raises(TransportError, match=r"Unrecognized configs.*no_such_setting"):
        Transport(broker, "t", no_such_setting=1).connect()


@pytest.mark.parametrize(
    ("name", "value"),
    [("acks", 0), ("acks", 1), ("acks", "0"), ("acks", None), ("enable_idempotence", False)],
)
def test_a_setting_that_could_lose_events_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(TransportError, match=rf"^{name}={value!r} could lose events: leave it out, it is .*$"):
        Transport("127.0.0.1:1", "t", **{name: value})
    with pytest.raises(EmitterError, match=rf"^{name}="):
        SessionEmitter("bank", secret="s" * 32, **{name: value})


@pytest.mark.parametrize("settings", [{"acks": "all"}, {"acks": -1}, {"enable_idempotence": True}])
def test_a_setting_as_it_is_anyway_may_be_given(settings: dict[str, object], broker: str) -> None:
    transport = Transport(broker, f"events-{uuid.uuid4()}", **settings)
    assert transport.send_all([(None, b"{}", [])]) == 1
    transport.close()


def test_no_password_stands_in_the_repr() -> None:
    assert "hunter2" not in repr(Transport("127.0.0.1:1", "t", sasl_plain_password="hunter2"))


@pytest.mark.parametrize(
    ("server", "place"),
    [
        ("kafka:9093", ("kafka", 9093)),
        ("kafka", ("kafka", 9092)),
        (" kafka:1 ", ("kafka", 1)),
        ("[::1]:9093", ("::1", 9093)),
        ("SASL_SSL://kafka:9093", ("kafka", 9093)),
    ],
)
def test_a_servers_place_is_read(server: str, place: tuple[str, int]) -> None:
    assert _host_and_port(server) == place
